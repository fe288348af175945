import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { runAgent } from '../client-agent/agent.ts';
import { askOn, keyboardFrom } from '../client-agent/ask.ts';
import { PORTS } from '../protocol/constants.ts';
import { NamedError } from '../system/named-error.ts';
import { readIfThere } from '../system/read-if-there.ts';
import { type JoinString, parseJoinString } from '../trust/join-string.ts';
import { gather, hostAndPort, pair, port } from './parse.ts';
import { stopSignal } from './stop-signal.ts';
import { version } from './version.ts';

interface AgentFlags {
  session?: string;
  golden?: { host: string; port: number };
  join?: JoinString;
  joinFile?: string;
  admit?: 'open';
  disk?: [string, string][];
  name?: string;
  address?: string;
  into?: string;
  reboot: boolean;
  dataPort: number;
  offerPort: number;
  statusPort: number;
}

const show = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const join = (text: string): JoinString => {
  try {
    return parseJoinString(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
};

const joinFromFile = (file: string | undefined): JoinString | undefined => {
  if (file === undefined) return undefined;
  const text = readIfThere(file);
  if (text !== undefined) return parseJoinString(text);
  throw new NamedError('NoJoinFile', `--join-file ${file}: there is no such file`);
};

/** `ka agent`: this machine becomes a node. */
export const addAgentCommand = (program: Command): void => {
  program
    .command('agent')
    .description('be a node: find a session, clone, reboot')
    .option('-s, --session <name>', 'join only this session (default: any)')
    .option('--golden <host[:port]>', 'do not search, go there', hostAndPort(PORTS.control))
    .option('--join <string>', 'go there, be let in, believe only that golden', join)
    .option('--join-file <file>', 'the same from a file, which other users cannot see')
    .addOption(
      new Option('--admit <whom>', 'open: join sessions that take anybody').choices(['open']),
    )
    .option(
      '--disk <name=device>',
      'offer this device under this name (repeatable; default: all disks)',
      gather(pair),
    )
    .option('--name <host>', 'host name to ask the golden for')
    .option('--address <ip>', 'use this address of this machine')
    .option(
      '--into <directory>',
      'clone into a directory instead of disks; what else is in it is deleted',
    )
    .option('--no-reboot', 'stay up when cloned')
    .option('--data-port <port>', 'where the next node reads', port, PORTS.data)
    .option('--offer-port <port>', 'UDP port of offers', port, PORTS.offer)
    .option('--status-port <port>', 'where anyone may watch', port, PORTS.status)
    .addHelpText(
      'after',
      `
Without --join it finds sessions and asks to be let in: its screen and the
golden's show the same code, and both sides have to say yes.

Exit status: 0 cloned, 1 not cloned.`,
    )
    .action(async (flags: AgentFlags) => {
      const joining = flags.join ?? joinFromFile(flags.joinFile);
      const cloned = await runAgent({
        version,
        session: flags.session ?? null,
        golden: joining ?? flags.golden,
        pin: joining?.pin,
        admission: {
          token: joining?.token ?? null,
          ticket: null,
          open: flags.admit === 'open',
          outdated: false,
        },
        ask: process.stdin.isTTY ? askOn([keyboardFrom(process.stdin)], show) : undefined,
        disks: new Map(flags.disk),
        name: flags.name,
        address: flags.address,
        into: flags.into,
        reboot: flags.reboot && flags.into === undefined,
        screen: show,
        bare: undefined,
        ports: { data: flags.dataPort, offer: flags.offerPort, status: flags.statusPort },
        signal: stopSignal('agent'),
      });
      process.exitCode = cloned ? 0 : 1;
    });
};
