import process from 'node:process';
import type { Command } from 'commander';
import { runAgent } from '../client-agent/agent.ts';
import { PORTS } from '../protocol/constants.ts';
import { gather, hostAndPort, pair, port } from './parse.ts';
import { stopSignal } from './stop-signal.ts';
import { version } from './version.ts';

interface AgentFlags {
  session?: string;
  golden?: { host: string; port: number };
  fingerprint?: string;
  disk?: [string, string][];
  name?: string;
  address?: string;
  into?: string;
  reboot: boolean;
  dataPort: number;
  offerPort: number;
  statusPort: number;
}

/** `ka agent`: this machine becomes a node. */
export const addAgentCommand = (program: Command): void => {
  program
    .command('agent')
    .description('be a node: find a session, clone, reboot')
    .option('-s, --session <name>', 'join only this session (default: any)')
    .option('--golden <host[:port]>', 'do not search, go there', hostAndPort(PORTS.control))
    .option('--fingerprint <sha256>', 'accept only the golden with this key')
    .option(
      '--disk <name=device>',
      'offer this device under this name (repeatable; default: all disks)',
      gather(pair),
    )
    .option('--name <host>', 'host name to ask the golden for')
    .option('--address <ip>', 'use this address of this machine')
    .option('--into <directory>', 'clone into a directory instead of disks')
    .option('--no-reboot', 'stay up when cloned')
    .option('--data-port <port>', 'where the next node reads', port, PORTS.data)
    .option('--offer-port <port>', 'UDP port of offers', port, PORTS.offer)
    .option('--status-port <port>', 'where anyone may watch', port, PORTS.status)
    .addHelpText('after', '\nExit status: 0 cloned, 1 not cloned.')
    .action(async (flags: AgentFlags) => {
      const cloned = await runAgent({
        version,
        session: flags.session ?? null,
        golden: flags.golden,
        fingerprint: flags.fingerprint,
        disks: new Map(flags.disk),
        name: flags.name,
        address: flags.address,
        into: flags.into,
        reboot: flags.reboot && flags.into === undefined,
        screen: (line) => process.stdout.write(`${line}\n`),
        bare: undefined,
        ports: { data: flags.dataPort, offer: flags.offerPort, status: flags.statusPort },
        signal: stopSignal('agent'),
      });
      process.exitCode = cloned ? 0 : 1;
    });
};
