/** A member that begins stream after stream, so that honest nodes behind it talk themselves out of the session. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Membership, type MembershipOptions } from '../../client-agent/membership.ts';
import { Paced } from '../../client-agent/paced.ts';
import { PROBE } from '../../protocol/constants.ts';
import type { GoldenMessage, NodeMessage } from '../../protocol/control.ts';
import { chunkSource } from '../../relay/byte-source.ts';
import { Origin } from '../../relay/origin.ts';
import { Chain } from '../relay/support/chain.ts';
import { eventually } from '../support/eventually.ts';
import { connectNode, type GoldenSession, openSession } from '../support/golden-session.ts';
import { someHello } from '../support/hello.ts';

const noise = (name: string) => ({ name, kind: PROBE, encoding: 'identity' as const });

let golden: GoldenSession;
beforeEach(async () => {
  golden = await openSession({ wanted: 3 });
});
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await golden[Symbol.asyncDispose]();
});

const admitted = async () => {
  const node = await connectNode(golden.join);
  const hello = someHello({ target: 'directory' });
  node.link.send({ ...hello, admission: { ...hello.admission, token: golden.join.token } });
  await eventually('the welcome', () => node.said('welcome'));
  return node;
};

test('noise of another name that a node passes on is no step of it', async () => {
  const node = await admitted();
  const target = mkdtempSync(join(tmpdir(), 'ka-test-'));
  const over = new AbortController();
  const key = Buffer.alloc(16, 7);
  const linkKey = Buffer.alloc(32, 9).toString('base64');
  const common = { ringBytes: 1 << 20, redundancy: 3, network: 'open' as const };
  const listen = { host: '127.0.0.1', port: 0 };
  const { signal } = over;
  const forger = new Origin(
    { ...common, session: 's', pass: 1, key, listen, signal },
    () => undefined,
  );
  await forger.listen();
  forger.serve({ pass: 1, epoch: 1, downstream: { node: 1, key: linkKey }, nodes: 1 });
  const said: NodeMessage[] = [];
  let hear: (message: GoldenMessage) => void = () => undefined;
  const nothing = () => undefined;
  const membership = new Membership({
    link: {
      ...{ localAddress: '127.0.0.1', closed: new Promise(nothing), close: async () => undefined },
      listen: (handler: typeof hear) => {
        hear = handler;
      },
      send: (message: NodeMessage) => {
        said.push(message);
        node.link.send(message);
      },
    },
    ...{ goldenHost: '127.0.0.1', listen, target, directory: true, devices: [], reboot: false },
    log: { say: nothing, detail: nothing, forwardTo: nothing, flush: nothing },
    knock: { stop: nothing, hear: nothing },
    ...{ onWelcome: async () => undefined, equipment: undefined, signal },
  } as unknown as MembershipOptions);
  const running = membership.run();
  const names = { session: 's', node: 1, name: 'n1' };
  hear({ type: 'welcome', ...names, present: 1, wanted: 1, time: 0 });
  const upstream = { node: 0, host: '', port: forger.port, key: linkKey };
  const order = { pass: 1, epoch: 1, upstream, downstream: null };
  hear({ type: 'pass', ...common, key: key.toString('base64'), order });
  for (let number = 0; number < 1000; number += 1) {
    await forger.send({ ...noise('x'), expectedBytes: null }, chunkSource([]));
  }
  const { sent } = forger;
  const arrived = () => said.some((one) => one.type === 'position' && one.drained >= sent);
  await eventually('all noise has passed', arrived);
  expect(said.filter(({ type }) => type !== 'position')).toEqual([]);
  over.abort();
  await running;
  await forger.close();
  rmSync(target, { recursive: true });
});

test('one stream more than a pass can have is forged, and named with whom it came from', async () => {
  const chain = new Chain({ nodes: 2 });
  cleanups.push(() => chain.close());
  await chain.listen();
  chain.order([1, 2]);
  for (let number = 0; number <= 100; number += 1) {
    await chain.origin.send({ ...noise('x'), expectedBytes: 0 }, chunkSource([]));
  }
  const message = expect.stringMatching(
    /^stream "x" is not what the golden sent: this pass has no more than 100 streams; it came from node 1 /,
  );
  expect(await chain.node(2).result).toMatchObject({ code: 'ForgedStream', message });
});

test('a node that has thousands of things to say is not dropped, and says them in order', async () => {
  const node = await admitted();
  for (let step = 0; step < 1000; step += 1) {
    node.link.send({ type: 'step', step: `step ${step}`, state: 'start' });
  }
  const steps = () => golden.events.flatMap((event) => (event.kind === 'step' ? [event.step] : []));
  await eventually('the last step', () => steps().length === 1000, 15_000);
  expect(steps()).toEqual(Array.from({ length: 1000 }, (_, step) => `step ${step}`));
  expect(golden.session.members.map(({ link }) => link?.open)).toEqual([true]);
});

test('what waits is bounded, but what must be said is never left out', async () => {
  const said: number[] = [];
  const paced = new Paced<number>(
    (message) => said.push(message),
    (message) => message > 0,
  );
  for (let number = 1; number <= 100_000; number += 1) paced.send(number);
  paced.send(-1);
  await sleep(300);
  paced.stop();
  expect(said.length).toBeGreaterThan(200);
  expect(said.length).toBeLessThan(400);
  const rest = new Paced<number>((message) => said.push(message));
  for (let number = 1; number <= 300; number += 1) rest.send(-number);
  rest.end();
  expect(said.at(-1)).toBe(-300);
});
