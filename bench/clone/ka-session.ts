/** A whole session: the real `ka golden` and real agents that clone into directories. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJoinable } from '../../demo/join-file.ts';
import { type KaProcess, lastLines, startKa } from '../../demo/ka-process.ts';
import { type NodeState, SessionEvent } from '../../protocol/events.ts';
import { NamedError } from '../../system/named-error.ts';
import type { CloneContext, CloneTool } from './clone-tool.ts';
import { stageWaits } from './stage-waits.ts';

const SESSION = 'bench';

/** A directory has no disk to take the layout from: one partition for everything. */
const description = JSON.stringify({
  disks: [
    {
      name: 'sda',
      table: 'msdos',
      partitions: [{ size: 'fill', filesystem: 'ext4', mount: '/' }],
    },
  ],
});

const readJournal = async (stateDirectory: string): Promise<SessionEvent[]> => {
  const sessions = join(stateDirectory, 'sessions');
  const [name = ''] = await readdir(sessions);
  const text = await readFile(join(sessions, name, 'journal.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => SessionEvent.parse(JSON.parse(line)));
};

const joinFile = (place: string): string => join(place, 'bench-join');

const startAgents = ({ targets, signal }: CloneContext, place: string): KaProcess[] =>
  targets.map(({ host, directory }) =>
    startKa(
      [
        'agent',
        ...['--join-file', joinFile(place)],
        ...['--name', host.name, '--address', host.address, '--into', directory],
      ],
      {
        on: host,
        logFile: join(place, `bench-${host.name}.log`),
        stateDirectory: join(place, `bench-${host.name}-state`),
        signal,
      },
    ),
  );

/** Seconds from the session's start until the last node was seen in this state. */
const secondsTo = (events: readonly SessionEvent[], state: NodeState): number => {
  const start = events.find((event) => event.kind === 'session' && event.state === 'started');
  const last = events.findLast((event) => event.kind === 'node' && event.state === state);
  return ((last?.time ?? Number.NaN) - (start?.time ?? Number.NaN)) / 1000;
};

export const kaSession: CloneTool = {
  name: 'ka',
  run: async (context) => {
    const { lab, tree, targets, signal } = context;
    const descriptionFile = join(lab.directory, 'bench-description.json');
    const stateDirectory = join(lab.directory, 'bench-golden-state');
    await rm(stateDirectory, { recursive: true, force: true });
    await writeFile(descriptionFile, description);
    const golden = startKa(
      [
        'golden',
        ...['--nodes', String(targets.length), '--session', SESSION],
        ...['--address', lab.golden.address, '--root', tree],
        ...['--disk-desc', 'sda', descriptionFile, '--yes', '--ui', 'plain'],
        ...['--join-file', joinFile(lab.directory)],
      ],
      {
        on: lab.golden,
        logFile: join(lab.directory, 'bench-golden.log'),
        stateDirectory,
        signal,
      },
    );
    const open = await isJoinable(golden, joinFile(lab.directory), signal);
    const agents = open ? startAgents(context, lab.directory) : [];
    const exitCode = await golden.ended;
    if (exitCode !== 0) for (const agent of agents) agent.kill('SIGTERM');
    await Promise.all(agents.map(({ ended }) => ended));
    signal.throwIfAborted();
    if (exitCode !== 0) {
      throw new NamedError('SessionFailed', `ka golden exited ${exitCode}`, {
        output: await lastLines(golden),
      });
    }
    const events = await readJournal(stateDirectory);
    return {
      filesSeconds: secondsTo(events, 'received'),
      doneSeconds: secondsTo(events, 'done'),
      stages: stageWaits(events),
    };
  },
};
