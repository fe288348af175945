/** A node that clones into a directory, and a golden gone bad that says what it likes, in any order. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { GoldenLink } from '../../../client-agent/golden-link.ts';
import { Knock } from '../../../client-agent/knock.ts';
import { Membership } from '../../../client-agent/membership.ts';
import { NodeLog } from '../../../client-agent/node-log.ts';
import { StatusServer } from '../../../client-agent/status-server.ts';
import { GoldenMessage } from '../../../protocol/control.ts';
import { parseMessage } from '../../../protocol/parse-message.ts';
import { jsonLike } from '../hostile.ts';
import { living, mustBe } from '../target.ts';
import { Health } from './support/health.ts';
import { treeOf } from './support/tree.ts';
import { within } from './support/within.ts';

const HOST = '127.0.0.1';
const KEY = Buffer.alloc(16, 7);
const LINK_KEY = Buffer.alloc(32, 9).toString('base64');
const SHA256 = '0'.repeat(64);
const END_MS = 15_000;
/** Of a millisecond each, for what is closed to be gone. */
const TURNS = 200;

const stream = (mount: string) => ({
  name: mount,
  kind: 'files',
  disk: 'sda',
  partition: 1,
  mount,
});

const plan = {
  hostname: 'n1',
  goldenHostname: 'g',
  disks: [],
  streams: [stream('/'), stream('/home')],
  mayBeCompressed: false,
  exclude: ['/tmp'],
  bootloader: { kind: 'none', firmware: 'bios', initramfsModules: [], initramfsOptions: [] },
  bootCode: {},
};

const order = {
  pass: 1,
  epoch: 1,
  upstream: { node: 0, host: '', port: 1, key: LINK_KEY },
  downstream: { node: 2, key: LINK_KEY },
};

const settle = {
  user: 'node1',
  secret: 'x'.repeat(24),
  token: 'y'.repeat(24),
  modules: { '/': 'mount-2f', '/home': 'mount-2f686f6d65' },
};

const record = { stream: 1, name: '/', kind: 'files', encoding: 'identity', bytes: 10 };

const right = [
  { type: 'welcome', session: 's', node: 1, name: 'n1', present: 1, wanted: 1, time: 0 },
  { type: 'plan', plan },
  { type: 'plan', plan: { ...plan, streams: [] } },
  {
    type: 'pass',
    order,
    network: 'open',
    key: KEY.toString('base64'),
    ringBytes: 1024 * 1024,
    redundancy: 3,
  },
  { type: 'chain', order: { ...order, epoch: 2, downstream: null } },
  { type: 'vouch', pass: 1, ...record, sha256: SHA256 },
  { type: 'vouched', pass: 1, streams: [1, 2] },
  { type: 'complete', settle: null, home: null },
  { type: 'complete', settle, home: { port: 30_766, token: '0'.repeat(32) } },
  { type: 'equip', bytes: 1000, sha256: SHA256, ringBytes: 65_536 },
  { type: 'waiting', present: 1, wanted: 2 },
  { type: 'eject', reason: 'too slow', final: false },
  { type: 'eject', reason: 'go away', final: true },
  { type: 'finish', action: 'stay', reason: 'cloned' },
  { type: 'challenge', nonce: '0'.repeat(32) },
  { type: 'again' },
];

const said = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...right.map((one) => JSON.stringify(one))) },
  { weight: 3, arbitrary: jsonLike(...right) },
);

const input = fc.record({
  /** What an honest golden begins with, so that more of what follows is taken up. */
  isPrepared: fc.boolean(),
  says: fc.array(said, { minLength: 1, maxLength: 6 }),
  /** Between its words, in milliseconds. */
  pauseMs: fc.constantFrom(0, 0, 1, 10),
});
type Said = typeof input extends fc.Arbitrary<infer T> ? T : never;

/** As much memory as a case may ask for: what a golden may order a node to use is its own affair. */
const RING_BYTES = 1024 * 1024;

/** As the link reads it; nobody but this machine is dialled. */
const heard = (text: string): GoldenMessage | undefined => {
  const message = parseMessage(GoldenMessage, text);
  if (message?.type === 'pass' || message?.type === 'chain') {
    const upstream = { ...message.order.upstream, host: '' as const };
    const tame = { ...message, order: { ...message.order, upstream } };
    return tame.type === 'pass' ? { ...tame, ringBytes: RING_BYTES } : tame;
  }
  return message;
};

/** One node, from its first word to its end. */
const listenTo = async ({ isPrepared, says, pauseMs }: Said, into: string): Promise<void> => {
  const over = new AbortController();
  let tell: (message: GoldenMessage) => void = () => undefined;
  const link = {
    listen: (hear: typeof tell) => {
      tell = hear;
    },
    closed: new Promise(() => undefined),
    send: () => undefined,
    close: () => Promise.resolve(),
    openSettleChannel: () => Promise.reject(new Error('there is none')),
  } as unknown as GoldenLink;
  const membership: Membership = new Membership({
    link,
    goldenHost: HOST,
    listen: { host: HOST, port: 0 },
    target: into,
    directory: true,
    devices: [],
    reboot: false,
    log: new NodeLog(new StatusServer({ host: HOST, port: 0, hostname: 'n1' }), () => undefined),
    knock: new Knock({
      nodeKey: KEY,
      goldenKey: KEY,
      pinned: true,
      ask: undefined,
      send: () => undefined,
      say: () => undefined,
      onRefused: () => membership.leave('refused'),
    }),
    onWelcome: () => Promise.resolve(),
    equipment: undefined,
    lookAgain: () => Promise.reject(new Error('there is nothing to look at')),
    signal: over.signal,
  });
  const running = membership.run();
  const beginning = isPrepared ? right.slice(0, 2).map((one) => JSON.stringify(one)) : [];
  try {
    for (const text of [...beginning, ...says]) {
      const message = heard(text);
      // The link is closed then, and the node looks for its golden again.
      if (!message) break;
      try {
        tell(message);
      } catch {
        // So it is by the link's own guard.
        break;
      }
      if (pauseMs > 0) await sleep(pauseMs);
    }
  } finally {
    over.abort();
    await within(END_MS, 'the node ends', running);
  }
};

/** Ports this process listens on. */
const servers = (): number =>
  process.getActiveResourcesInfo().filter((what) => what === 'TCPServerWrap').length;

/** Whether it comes to this number of ports: a server that was closed is there until the next turn. */
const listensTo = async (number: number): Promise<boolean> => {
  for (let turn = 0; servers() !== number && turn < TURNS; turn += 1) await sleep(1);
  return servers() === number;
};

export const agent = living(
  'a node and a golden gone bad',
  async () => {
    const parent = mkdtempSync(join(tmpdir(), 'ka-fuzz-'));
    const into = join(parent, 'inner/into');
    mkdirSync(into, { recursive: true });
    writeFileSync(join(parent, 'inner/other'), 'nobody touches this');
    const outside = () => treeOf(parent).filter((path) => !path.startsWith('inner/into/'));
    const before = outside().join('\n');
    await listenTo(
      { isPrepared: true, says: right.map((one) => JSON.stringify(one)), pauseMs: 10 },
      into,
    );
    const health = new Health();
    const listening = servers();
    return {
      input,
      holds: async (all) => {
        await listenTo(all, into);
        mustBe(await listensTo(listening), 'it listens though it has ended');
        mustBe(outside().join('\n') === before, `it wrote ${outside().join(', ')}`);
        await health.check();
      },
      [Symbol.asyncDispose]: async () => {
        health[Symbol.dispose]();
        rmSync(parent, { recursive: true });
      },
    };
  },
  2,
);
