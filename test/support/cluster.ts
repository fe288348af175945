/** Runs real `ka` processes on the machines of a lab and reads what they said. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareTrees, readTree, type Tree } from '../../demo/compare.ts';
import { type KaOptions, type KaProcess, startKa } from '../../demo/ka-process.ts';
import type { Lab, LabHost } from '../../demo/lab.ts';
import { mountSystem } from '../../demo/mounted-system.ts';
import { isOwnPath } from '../../demo/own-paths.ts';
import { SessionEvent } from '../../protocol/events.ts';
import { Report } from '../../protocol/report.ts';
import { tail } from '../../system/run.ts';

export interface Started extends KaProcess {
  /** All it wrote so far, both outputs. */
  text(): Promise<string>;
}

let runs = 0;

/** Any `ka` command on a machine of the lab. Machines keep their state from one command to the next. */
export const startOn = (
  host: LabHost,
  lab: Lab,
  args: readonly string[],
  on: KaOptions['on'] = host,
): Started => {
  runs += 1;
  const logFile = join(lab.directory, `${host.name}-${args[0]}-${runs}.log`);
  const stateDirectory = join(lab.directory, `${host.name}-state`);
  const started = startKa(args, { on, logFile, stateDirectory });
  return { ...started, text: () => readFile(logFile, 'utf8') };
};

/** Where the golden of a lab writes its join string. */
export const joinFile = (lab: Lab): string => join(lab.directory, 'join');

const reportFile = (lab: Lab) => join(lab.directory, 'report.json');

/** `ka golden` on the lab's golden, telling its events as JSON lines. */
export const startGolden = (
  lab: Lab,
  flags: readonly string[],
  on: KaOptions['on'] = lab.golden,
): Started => {
  const { address } = lab.golden;
  const common = ['--session', 'test', '--address', address, '--yes', '--ui', 'json'];
  const files = ['--join-file', joinFile(lab), '--report', reportFile(lab)];
  return startOn(lab.golden, lab, ['golden', ...common, ...files, ...flags], on);
};

/** Runs a command as soon as the golden of the lab has written its join string. */
const onceOpen = (host: LabHost, lab: Lab, before: readonly string[]): KaOptions['on'] => ({
  argv: (command) => {
    const wait = `until [ -s "$0" ]; do sleep 0.05; done; exec "$@"`;
    return host.argv(['sh', '-c', wait, joinFile(lab), ...before, ...command]);
  },
});

/**
 * `ka agent` on a node of the lab (1, 2 …), with the join string of the lab's golden as soon as
 * there is one. `before`: words in front of the command, like env's.
 */
export const startAgent = (
  lab: Lab,
  node: number,
  flags: readonly string[],
  before: readonly string[] = [],
): Started => {
  const host = hostOf(lab, node);
  const joining = ['agent', ...agentFlags(host), '--join-file', joinFile(lab), ...flags];
  return startOn(host, lab, joining, onceOpen(host, lab, before));
};

/** The same without a join string: it searches, and joins sessions that take anybody. */
export const startSearching = (lab: Lab, node: number, flags: readonly string[]): Started => {
  const host = hostOf(lab, node);
  return startOn(host, lab, ['agent', ...agentFlags(host), '--admit', 'open', ...flags]);
};

const hostOf = (lab: Lab, node: number): LabHost => {
  const host = lab.nodes[node - 1];
  if (!host) throw new RangeError(`the lab has no node ${node}`);
  return host;
};

const agentFlags = ({ name, address }: LabHost): string[] => [
  ...['--name', name],
  ...['--address', address],
  '--no-reboot',
];

/** Exit statuses of processes that should end well; for one that does not, with its last words. */
export const exits = (...processes: Started[]): Promise<(0 | string)[]> =>
  Promise.all(
    processes.map(async (process) => {
      const status = await process.ended;
      return status === 0 ? 0 : `${status}: ${tail(await process.text())}`;
    }),
  );

export const readReport = async (lab: Lab): Promise<Report> =>
  Report.parse(JSON.parse(await readFile(reportFile(lab), 'utf8')));

/** Events the golden told so far. Lines that are not JSON (errors on stderr) are left out. */
export const readEvents = async (golden: Started): Promise<SessionEvent[]> =>
  (await golden.text())
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => SessionEvent.parse(JSON.parse(line)));

/** What differs between a clone's disk and the golden's tree and should not. */
export const differencesOf = async (
  lab: Lab,
  golden: Tree,
  disk: string,
  name: string,
): Promise<string[]> => {
  const root = await mountSystem(lab, disk, `clone-${name}`);
  const { differences } = compareTrees(golden, await readTree(root), isOwnPath);
  await lab.unmount(root);
  return differences;
};
