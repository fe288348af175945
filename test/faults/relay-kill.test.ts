import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Origin } from '../../relay/origin.ts';
import { expected, someBytes } from '../relay/support/bytes.ts';
import { begin, key, linkKey, peer, type Received, session } from '../relay/support/chain.ts';
import type { HopProcessMessage, HopProcessStart } from '../relay/support/hop-process.ts';

interface HopProcess {
  number: number;
  host: string;
  child: ChildProcess;
  port: number;
  position: number;
  received: Received | null;
  outcome: 'finished' | string | null;
  troubles: string[];
}

const ringBytes = 4 * 1024 * 1024;
const size = 24_000_000;
let processes: HopProcess[] = [];
let origin: Origin | null = null;

afterEach(async () => {
  for (const { child } of processes) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
  processes = [];
  await origin?.close();
  origin = null;
});

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(5);
};

const startHop = (number: number): HopProcess => {
  const host = `127.0.1.${number}`;
  const child = fork(new URL('../relay/support/hop-process.ts', import.meta.url), {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const hop: HopProcess = {
    number,
    host,
    child,
    port: 0,
    position: 0,
    received: null,
    outcome: null,
    troubles: [],
  };
  child.on('message', (message: HopProcessMessage) => {
    if (message.type === 'listening') hop.port = message.port;
    else if (message.type === 'received') hop.position = message.position;
    else if (message.type === 'stream') hop.received = message.received;
    else if (message.type === 'finished') hop.outcome = 'finished';
    else if (message.type === 'failed') hop.outcome = message.message;
    else if (message.event.type === 'trouble') hop.troubles.push(message.event.what);
  });
  const start: HopProcessStart = { node: number, host, ringBytes };
  child.send(start);
  return hop;
};

let epoch = 0;
const order = (golden: Origin, numbers: readonly number[]): void => {
  epoch += 1;
  const at = (number: number | undefined): HopProcess | undefined =>
    processes.find((hop) => hop.number === number);
  golden.serve({ pass: 1, epoch, downstream: peer(0, numbers[0]), nodes: numbers.length });
  numbers.forEach((number, index) => {
    const before = at(numbers[index - 1]);
    at(number)?.child.send({
      pass: 1,
      epoch,
      upstream: {
        node: before?.number ?? 0,
        key: linkKey(before?.number ?? 0, number),
        host: before?.host ?? '127.0.0.1',
        port: before?.port ?? golden.port,
      },
      downstream: peer(number, numbers[index + 1]),
    });
  });
};

const startChain = async (): Promise<Origin> => {
  const golden = new Origin(
    {
      session,
      pass: 1,
      network: 'open',
      key,
      listen: { host: '127.0.0.1', port: 0 },
      ringBytes,
      redundancy: 3,
      signal: new AbortController().signal,
    },
    () => undefined,
  );
  origin = golden;
  await golden.listen();
  processes = [1, 2, 3, 4, 5].map(startHop);
  await until(() => processes.every(({ port }) => port > 0));
  order(golden, [1, 2, 3, 4, 5]);
  return golden;
};

const expectSurvivors = async (gone: readonly number[]): Promise<void> => {
  const left = processes.filter(({ number }) => !gone.includes(number));
  await until(() => left.every(({ outcome }) => outcome !== null));
  for (const { outcome, received } of left) {
    expect(outcome).toBe('finished');
    expect(received).toEqual(expected(1, size));
  }
};

const cases: [string, number[]][] = [
  ['the first', [1]],
  ['the middle', [3]],
  ['the last', [5]],
  ['two neighbours', [2, 3]],
  ['three scattered', [1, 3, 5]],
];

const strike = (golden: Origin, gone: readonly number[], signal: NodeJS.Signals): void => {
  for (const { number, child } of processes) if (gone.includes(number)) child.kill(signal);
  order(
    golden,
    [1, 2, 3, 4, 5].filter((number) => !gone.includes(number)),
  );
};

describe.each([
  ['SIGKILL', cases],
  ['SIGSTOP', cases.slice(1, 4)],
] as const)('%s', (signal, struck) => {
  test.each(struck)('of %s in mid-stream: the survivors have every byte', async (_name, gone) => {
    const golden = await startChain();
    const sending = golden.send(begin('s'), someBytes(1, size));
    await until(() => (processes[4]?.position ?? 0) > size / 3);
    strike(golden, gone, signal);
    await sending;
    await golden.finish();
    await golden.emptied;
    await expectSurvivors(gone);
  });
});

test.each(cases.slice(1, 4))('SIGKILL of %s when the source has ended', async (_name, gone) => {
  const golden = await startChain();
  await golden.send(begin('s'), someBytes(1, size));
  await golden.finish();
  strike(golden, gone, 'SIGKILL');
  await golden.emptied;
  await expectSurvivors(gone);
});

test('a stopped node is reported by the one before it, and goes on when it is let go', async () => {
  const golden = await startChain();
  const sending = golden.send(begin('s'), someBytes(1, size));
  const [before, middle] = processes.slice(1, 3);
  await until(() => (middle?.position ?? 0) > size / 3);
  middle?.child.kill('SIGSTOP');
  await until(() => (before?.troubles ?? []).includes('downstream-silent'));
  middle?.child.kill('SIGCONT');
  await sending;
  await golden.finish();
  await expectSurvivors([]);
});
