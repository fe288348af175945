import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkPlan } from '../../client-agent/check-plan.ts';
import { type KaProcess, startKa } from '../../demo/ka-process.ts';
import type { ClonePlan } from '../../desc/clone-plan.ts';
import { startControlServer } from '../../golden/control-server.ts';
import { NodeLink } from '../../golden/node-link.ts';
import { GoldenMessage, type NodeMessage } from '../../protocol/control.ts';
import { placeInside } from '../../stage2/place-inside.ts';
import { type GoldenKeys, goldenKeys } from '../../trust/golden-keys.ts';
import { formatJoinString } from '../../trust/join-string.ts';
import { newSecret } from '../../trust/secret.ts';
import { eventually } from '../support/eventually.ts';

const HOST = '127.0.0.1';

let directory: string;
let over: AbortController;
let keys: GoldenKeys;
let port: number;
let links: NodeLink[];
let heard: NodeMessage[];
let agent: KaProcess;
let into: string;

/** A golden that lets everybody in and then says what the test says. */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ka-hostile-'));
  process.env.KA_STATE_DIR = directory;
  over = new AbortController();
  [links, heard] = [[], []];
  keys = await goldenKeys();
  port = await startControlServer({
    keys,
    host: HOST,
    port: 0,
    onControl: (connection) => {
      const link: NodeLink = new NodeLink(connection, {
        knock: () => {
          link.admit();
          links.push(link);
          link.send(welcome);
        },
        message: (message) => heard.push(message),
        closed: () => undefined,
      });
    },
    onSettle: (channel) => {
      channel.destroy();
      return false;
    },
    say: () => undefined,
    signal: over.signal,
  });
  into = join(directory, 'inner', 'into');
  mkdirSync(into, { recursive: true });
  agent = startKa(
    [
      ...[
        'agent',
        '--join',
        formatJoinString({ host: HOST, port, token: newSecret(), pin: keys.pin }),
      ],
      ...['--address', HOST, '--into', into, '--name', 'victim', '--data-port', '42364'],
      ...['--status-port', '42346'],
    ],
    { logFile: join(directory, 'screen'), stateDirectory: directory },
  );
  await eventually('the node is in', () => links.length > 0);
}, 60_000);

afterEach(async () => {
  agent.kill('SIGKILL');
  await agent.ended;
  over.abort();
  delete process.env.KA_STATE_DIR;
  rmSync(directory, { recursive: true });
});

const welcome = {
  type: 'welcome',
  session: 'hostile',
  node: 1,
  name: 'victim',
  present: 1,
  wanted: 1,
  time: Date.now(),
} as const;

const screen = () => readFileSync(join(directory, 'screen'), 'utf8');

const plan = (changes: Partial<ClonePlan> = {}): ClonePlan => ({
  hostname: 'victim',
  goldenHostname: 'golden',
  disks: [],
  streams: [{ name: '/', kind: 'files', disk: 'sda', partition: 1, mount: '/' }],
  exclude: [],
  mayBeCompressed: false,
  bootloader: { kind: 'none', firmware: 'bios', initramfsOptions: [], initramfsModules: [] },
  bootCode: {},
  ...changes,
});

const disk = {
  name: 'sda',
  device: '/dev/sda',
  sizeBytes: 2 ** 30,
  sectorBytes: 512,
  table: 'msdos',
  tableId: '0x12345678',
  keepsData: false,
  partitions: [
    {
      number: 1,
      role: 'primary',
      startSector: 2048,
      sizeSectors: 4096,
      type: '83',
      flags: [],
      filesystem: { type: 'ext4', options: [], uuid: '0b4f2a5e-5b52-4c7c-9d5c-0e6f6a1d1c11' },
      mount: '/',
      content: 'files',
    },
  ],
} satisfies ClonePlan['disks'][number];

const sendPlan = async (sent: object): Promise<void> => {
  links[0]?.send({ type: 'plan', plan: sent as Record<string, unknown> });
  await eventually('it says no', () => heard.some(({ type }) => type === 'phase'));
};

describe('a golden gone bad', () => {
  test.each([
    [
      'a mount outside',
      plan({ streams: [{ ...streamAt('/../../outside'), mount: '/../../outside' }] }),
    ],
    ['a disk', plan({ disks: [disk] })],
    ['a raw stream', plan({ streams: [{ name: 'raw', kind: 'raw', disk: 'sda', partition: 1 }] })],
    ['nonsense', { disks: 'all of them' }],
    ['a host name that is a path', plan({ hostname: '../../etc/passwd' })],
  ])('is refused %s by name, and nothing is written', async (_what, sent) => {
    await sendPlan(sent);
    expect(heard).toContainEqual(
      expect.objectContaining({
        type: 'phase',
        phase: 'failed',
        failure: expect.objectContaining({ code: 'PlanRefused' }),
      }),
    );
    expect(screen()).toContain('refused');
    expect(existsSync(join(directory, 'outside'))).toBe(false);
    expect(existsSync(join(directory, 'inner', 'outside'))).toBe(false);
  });

  test('whose messages cannot be read loses the node, which looks for its golden again', async () => {
    const order = {
      pass: 1,
      epoch: 1,
      upstream: { node: 0, key: `${'A'.repeat(43)}=`, host: '', port: 99_999 },
      downstream: null,
    };
    const pass = { network: 'open', key: `${'A'.repeat(22)}==`, ringBytes: 2 ** 20, redundancy: 3 };
    const orders = [
      { type: 'pass', order, ...pass },
      { type: 'chain', order },
    ];
    // Nothing but the port is wrong with them.
    order.upstream.port = 30_766;
    for (const one of orders) expect(GoldenMessage.safeParse(one).success).toBe(true);
    order.upstream.port = 99_999;
    for (const message of [{}, ...orders]) {
      const before = links.length;
      links.at(-1)?.send(message as GoldenMessage);
      await eventually('it is back', () => links.length > before, 20_000);
    }
    expect(screen()).toContain('looking for it again');
  }, 60_000);
});

function streamAt(mount: string): ClonePlan['streams'][number] {
  return { name: mount, kind: 'files', disk: 'sda', partition: 1, mount };
}

describe('what a node checks of a plan', () => {
  const offered = { devices: ['/dev/sda'], directory: false };
  const good = () => plan({ disks: [disk] });
  const loader = plan().bootloader;
  const part = (number: number, mount = '/') =>
    disk.partitions.map((partition) => ({ ...partition, number, mount }));

  test('takes one that keeps to what was offered', () => {
    expect(() => checkPlan(good(), offered)).not.toThrow();
    expect(() => checkPlan(plan(), { devices: [], directory: true })).not.toThrow();
  });

  test.each<[string, Partial<ClonePlan>]>([
    ['a device it was not given', { disks: [{ ...disk, device: '/dev/sdb' }] }],
    ['a device through a way round', { disks: [{ ...disk, device: '/dev/../dev/sda' }] }],
    ['one device twice', { disks: [disk, { ...disk, name: 'sdb' }] }],
    [
      'a stream without a partition',
      { disks: [disk], streams: [{ ...streamAt('/'), partition: 2 }] },
    ],
    [
      'a stream for another mount',
      {
        disks: [
          { ...disk, partitions: disk.partitions.map((part) => ({ ...part, mount: '/home' })) },
        ],
        streams: [streamAt('/etc')],
      },
    ],
    [
      'raw bytes over a file system',
      { disks: [disk], streams: [{ ...streamAt('/'), kind: 'raw' }] },
    ],
    ['boot code for another disk', { disks: [disk], bootCode: { sdb: '' } }],
    ['a loader on another disk', { disks: [disk], bootloader: { ...loader, disk: 'sdb' } }],
    ['one name for two disks', { disks: [disk, { ...disk, device: '/dev/sdb' }] }],
    ['one mount point twice', { disks: [{ ...disk, partitions: [...part(1), ...part(2)] }] }],
    [
      'one partition twice',
      { disks: [{ ...disk, partitions: [...part(1), ...part(1, '/home')] }] },
    ],
    ['one stream twice', { disks: [disk], streams: [streamAt('/'), streamAt('/')] }],
  ])('refuses %s', (_what, changes) => {
    const devices = ['/dev/sda', ...(_what === 'one name for two disks' ? ['/dev/sdb'] : [])];
    expect(() => checkPlan({ ...good(), ...changes }, { ...offered, devices })).toThrow(
      expect.objectContaining({ code: 'PlanRefused' }),
    );
  });

  test('a link that was cloned before does not lead out of the directory', () => {
    const target = join(directory, 'target');
    mkdirSync(target);
    symlinkSync(directory, join(target, 'home'));
    expect(() => placeInside(target, '/home/deeper')).toThrow(
      expect.objectContaining({ code: 'OutsideTarget' }),
    );
    expect(placeInside(target, '/srv/data')).toBe(join(target, 'srv/data'));
  });
});
