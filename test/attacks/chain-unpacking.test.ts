/** What a member sends is unpacked before anybody can say whether it is the golden's: it must not lead the rest anywhere. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { GoldenLink } from '../../client-agent/golden-link.ts';
import { Knock } from '../../client-agent/knock.ts';
import { Membership } from '../../client-agent/membership.ts';
import { NodeLog } from '../../client-agent/node-log.ts';
import { StatusServer } from '../../client-agent/status-server.ts';
import type { GoldenMessage, NodeMessage } from '../../protocol/control.ts';
import type { StreamRecord } from '../../protocol/vouch.ts';
import { chunkSource } from '../../relay/byte-source.ts';
import { Origin } from '../../relay/origin.ts';
import { eventually } from '../support/eventually.ts';

const HOST = '127.0.0.1';
const KEY = Buffer.alloc(16, 7);
const LINK_KEY = Buffer.alloc(32, 9).toString('base64');
const RING = 1024 * 1024;

let place: string;
let over: AbortController;
/** Has the key of the pass, and that of the link to the node. */
let member: Origin;
let heard: NodeMessage[];
let tell: (message: GoldenMessage) => void;
let running: Promise<unknown>;
let pass: GoldenMessage;

const stream = (mount: string) => ({
  name: mount,
  kind: 'files' as const,
  disk: 'sda',
  partition: 1,
  mount,
});

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'ka-unpacking-'));
  over = new AbortController();
  for (const name of ['into', 'outside', 'one', 'two/x']) {
    mkdirSync(join(place, name), { recursive: true });
  }
  const common = { session: 's', pass: 1, network: 'open' as const, key: KEY, ringBytes: RING };
  const { signal } = over;
  const listen = { host: HOST, port: 0 };
  member = new Origin({ ...common, redundancy: 3, listen, signal }, () => undefined);
  await member.listen();
  member.serve({ pass: 1, epoch: 1, downstream: { node: 1, key: LINK_KEY }, nodes: 1 });
  heard = [];
  const link = {
    listen: (hear: typeof tell) => {
      tell = hear;
    },
    closed: new Promise(() => undefined),
    send: (message: NodeMessage) => heard.push(message),
    close: () => Promise.resolve(),
  } as unknown as GoldenLink;
  const status = new StatusServer({ host: HOST, port: 0, hostname: 'n1' });
  const membership = new Membership({
    link,
    goldenHost: HOST,
    listen,
    target: join(place, 'into'),
    directory: true,
    devices: [],
    reboot: false,
    log: new NodeLog(status, () => undefined),
    knock: new Knock({
      nodeKey: KEY,
      goldenKey: KEY,
      pinned: true,
      ask: undefined,
      send: () => undefined,
      say: () => undefined,
      onRefused: () => undefined,
    }),
    onWelcome: () => Promise.resolve(),
    equipment: undefined,
    lookAgain: () => Promise.reject(new Error('nobody asked')),
    signal,
  });
  running = membership.run();
  tell({ type: 'welcome', session: 's', node: 1, name: 'n1', present: 1, wanted: 1, time: 0 });
  const plan = {
    hostname: 'n1',
    goldenHostname: 'g',
    disks: [],
    streams: [stream('/'), stream('/home')],
    mayBeCompressed: false,
    exclude: [],
    bootloader: { kind: 'none', firmware: 'bios', initramfsModules: [], initramfsOptions: [] },
    bootCode: {},
  };
  tell({ type: 'plan', plan });
  await eventually('it is ready', () => heard.some(({ type }) => type === 'phase'));
  const upstream = { node: 0, host: '' as const, port: member.port, key: LINK_KEY };
  const order = { pass: 1, epoch: 1, upstream, downstream: null };
  const key = KEY.toString('base64');
  pass = { type: 'pass', network: 'open', key, ringBytes: RING, redundancy: 3, order };
  tell(pass);
});

afterEach(async () => {
  over.abort();
  await running;
  await member.close();
  rmSync(place, { recursive: true });
});

/** A tar of one name in a directory of this test. */
const tarOf = (directory: string, name: string): Buffer =>
  execFileSync('tar', ['-c', '-f', '-', '-b', '128', '-C', join(place, directory), name]);

const send = async (name: string, tar: Buffer): Promise<StreamRecord> => {
  const begin = { name, kind: 'files', encoding: 'identity' as const, expectedBytes: null };
  const { record } = await member.send(begin, chunkSource([tar]));
  if (record === null) throw new Error('nothing to vouch for');
  return record;
};

const outside = () => readdirSync(join(place, 'outside'));
const failure = () => heard.flatMap((said) => (said.type === 'phase' ? (said.failure ?? []) : []));
const steps = () =>
  heard.flatMap((said) => (said.type === 'step' ? [`${said.step} ${said.state}`] : []));

test('what is to be unpacked over a stream waits until the golden has vouched for that', async () => {
  // A link where a later stream goes, and one into which it writes.
  symlinkSync(join(place, 'outside'), join(place, 'one', 'home'));
  writeFileSync(join(place, 'two/x/evil'), 'evil');
  const forged = await send('/', tarOf('one', './home'));
  await send('/home', tarOf('two', './x'));
  await eventually('the first is here', () => steps().includes('receive / finish'));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(steps()).not.toContain('receive /home start');
  expect(outside()).toEqual([]);
  tell({ type: 'vouch', pass: 1, ...forged, sha256: '0'.repeat(64) });
  await eventually('it fails', () => failure().length > 0);
  expect(failure()).toMatchObject([{ code: 'ForgedStream' }]);
  expect(steps()).not.toContain('receive /home start');
  expect(outside()).toEqual([]);
});

test('the next is opened as soon as the golden has vouched for the one before', async () => {
  writeFileSync(join(place, 'one', 'file'), '');
  writeFileSync(join(place, 'two', 'file'), '');
  const first = await send('/', tarOf('one', './file'));
  const second = await send('/home', tarOf('two', './file'));
  await member.finish();
  tell({ type: 'vouch', pass: 1, ...first });
  tell({ type: 'vouch', pass: 1, ...second });
  tell({ type: 'vouched', pass: 1, streams: [1, 2] });
  await eventually('it has all', () =>
    heard.some((said) => said.type === 'phase' && said.phase === 'received'),
  );
  expect(readdirSync(join(place, 'into'))).toEqual(['file', 'home']);
});

test('a stream that comes a second time is not unpacked', async () => {
  symlinkSync(join(place, 'outside'), join(place, 'one', 'x'));
  writeFileSync(join(place, 'two/x/evil'), 'evil');
  const first = await send('/', tarOf('one', './x'));
  tell({ type: 'vouch', pass: 1, ...first });
  await send('/', tarOf('two', './x/evil'));
  await eventually('it fails', () => failure().length > 0);
  expect(failure()).toMatchObject([
    { code: 'ForgedStream', message: expect.stringContaining('came twice') },
  ]);
  expect(outside()).toEqual([]);
});

test('a link that is there already leads no stream out of the directory', async () => {
  symlinkSync(join(place, 'outside'), join(place, 'into', 'home'));
  writeFileSync(join(place, 'two/x/evil'), 'evil');
  await send('/home', tarOf('two', './x'));
  await eventually('it fails', () => failure().length > 0);
  expect(failure()).toMatchObject([{ code: 'OutsideTarget' }]);
  expect(outside()).toEqual([]);
});

test('a golden that goes on when it has let a node go keeps none of its ports', async () => {
  const servers = () =>
    process.getActiveResourcesInfo().filter((what) => what === 'TCPServerWrap').length;
  tell({ type: 'finish', action: 'stay', reason: 'done' });
  // It has begun to tidy up.
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  tell(pass);
  await running;
  await new Promise((resolve) => setTimeout(resolve, 300));
  // That of the member, whose end this is not.
  expect(servers()).toBe(1);
});
