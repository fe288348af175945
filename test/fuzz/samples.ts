/** One right message of each kind. */
import type { ClonePlan } from '../../desc/clone-plan.ts';
import { PROTOCOL_VERSION } from '../../protocol/constants.ts';
import type { GoldenMessage, NodeMessage } from '../../protocol/control.ts';
import type { NewEvent, SessionEvent } from '../../protocol/events.ts';
import type { Offer } from '../../protocol/offer.ts';
import type { Report } from '../../protocol/report.ts';
import { someHello } from '../support/hello.ts';

const SECRET = 'abcdefghijklmnopqrstuvwxyz';
const KEY = `${'A'.repeat(43)}=`;
const SHA256 = 'ab'.repeat(32);
const UUID = '11111111-2222-4333-8444-555555555555';
const failure = { code: 'MkfsFailed', message: 'mkfs.ext4 /dev/sda1: failed', output: 'a\nb' };

export const offer: Offer = {
  ka: 'offer',
  protocol: PROTOCOL_VERSION,
  session: 'lab',
  host: '10.0.0.1',
  port: 30_765,
  fingerprint: SECRET,
  admit: 'secret',
  present: 1,
  wanted: 3,
  state: 'waiting',
};

export const hello = someHello({
  name: 'node1',
  admission: {
    token: SECRET,
    ticket: null,
    open: false,
    outdated: false,
    commitment: '0'.repeat(64),
  },
});

const order = {
  pass: 1,
  epoch: 2,
  upstream: { node: 3, key: KEY, host: '10.0.0.3', port: 30_766 },
  downstream: { node: 5, key: KEY },
};

const vouched = {
  stream: 1,
  name: '/',
  kind: 'files',
  encoding: 'identity' as const,
  bytes: 10,
  sha256: SHA256,
};

export const plan: ClonePlan = {
  hostname: 'node1',
  goldenHostname: 'golden',
  disks: [
    {
      name: 'sda',
      device: '/dev/sda',
      sizeBytes: 8 * 1024 ** 3,
      sectorBytes: 512,
      table: 'gpt',
      tableId: UUID,
      keepsData: false,
      partitions: [
        {
          number: 1,
          role: 'primary',
          startSector: 2048,
          sizeSectors: 4_194_304,
          type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
          name: 'root',
          flags: [],
          partUuid: UUID,
          filesystem: {
            type: 'ext4',
            options: ['-O', '^metadata_csum'],
            uuid: UUID,
            label: 'root',
          },
          mount: '/',
          mountOptions: 'errors=remount-ro',
          content: 'files',
          golden: { device: '/dev/sdb1', uuid: UUID, subvolume: '/@' },
        },
        {
          number: 2,
          role: 'primary',
          startSector: 4_196_352,
          sizeSectors: 2048,
          type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
          flags: [],
          content: 'raw',
        },
      ],
    },
  ],
  streams: [
    { name: '/', kind: 'files', disk: 'sda', partition: 1, mount: '/', expectedBytes: 1000 },
    { name: 'raw sda2', kind: 'raw', disk: 'sda', partition: 2 },
  ],
  mayBeCompressed: true,
  exclude: ['/var/cache'],
  bootloader: {
    kind: 'grub',
    firmware: 'bios',
    disk: 'sda',
    initramfsModules: ['ata_piix'],
    initramfsOptions: ['-v'],
  },
  bootCode: { sda: 'AAAA' },
};

export const nodeMessages: readonly NodeMessage[] = [
  { type: 'step', step: 'receive /', state: 'fail', detail: 'why', failure },
  {
    type: 'position',
    pass: 1,
    received: 100,
    drained: 90,
    linked: true,
    stream: '/',
    streamBytes: 10,
    waiting: { upstream: 0.5, sink: 0, downstream: 1 },
  },
  { type: 'warning', message: 'a warning' },
  { type: 'trouble', pass: 1, epoch: 1, what: 'upstream-lost', message: 'gone' },
  { type: 'inventory', inventory: hello.inventory },
  { type: 'phase', phase: 'failed', failure },
  { type: 'log', lines: ['one', 'two'] },
];

export const goldenMessages: readonly GoldenMessage[] = [
  { type: 'challenge', nonce: '0'.repeat(32) },
  { type: 'again' },
  { type: 'welcome', session: 'lab', node: 1, name: 'node1', present: 1, wanted: 2, time: 1 },
  { type: 'waiting', present: 1, wanted: 2 },
  { type: 'equip', bytes: 10, sha256: SHA256, ringBytes: 1024 ** 2 },
  { type: 'plan', plan: { ...plan } },
  {
    type: 'pass',
    order,
    network: 'open',
    key: `${'A'.repeat(22)}==`,
    ringBytes: 1024 ** 2,
    redundancy: 3,
  },
  { type: 'chain', order: { ...order, downstream: null } },
  { type: 'vouch', pass: 1, ...vouched },
  { type: 'vouched', pass: 1, streams: [1, 2] },
  { type: 'eject', reason: 'no', final: true },
  {
    type: 'complete',
    settle: { user: 'u', secret: 's', token: 't', modules: { '/': 'mount-2f' } },
    home: { port: 12_347, token: '0'.repeat(32) },
  },
  { type: 'finish', action: 'reboot', reason: 'done' },
];

const at = (seconds: number, event: NewEvent): SessionEvent =>
  ({ ...event, time: 1_700_000_000_000 + seconds * 1000 }) as SessionEvent;

const macs = ['52:54:00:00:00:01'];
const node = { kind: 'node', node: 1, name: 'node1', address: '10.0.0.2', macs } as const;

export const events: readonly SessionEvent[] = [
  at(0, {
    kind: 'session',
    state: 'open',
    name: 'lab',
    address: '10.0.0.1:30765',
    wanted: 2,
    fingerprint: SECRET,
    network: 'open',
    plan: ['a line'],
  }),
  at(1, { ...node, state: 'waiting', why: 'it came', bootMac: '52:54:00:00:00:01' }),
  at(1, {
    kind: 'request',
    request: 1,
    state: 'pending',
    name: 'x',
    address: '10.0.0.9',
    macs,
    code: '123456',
    agreed: false,
    why: 'its ticket was used',
  }),
  at(2, { kind: 'session', state: 'started', name: 'lab', address: '10.0.0.1:1', wanted: 2 }),
  at(2, { kind: 'chain', pass: 1, epoch: 1, order: [1, 2], why: 'begin' }),
  at(2, {
    kind: 'pass',
    pass: 1,
    of: 1,
    state: 'start',
    nodes: [1, 2],
    expectedBytes: 1000,
    encoding: 'zstd',
  }),
  at(2, { kind: 'stream', pass: 1, name: '/', state: 'start', expectedBytes: 1000 }),
  at(3, {
    kind: 'progress',
    pass: 1,
    stream: '/',
    sentBytes: 500,
    sourceBytes: 700,
    lineRate: 100,
    sourceRate: 150,
    etaMs: 3000,
    limit: 'golden: reading',
    nodes: [{ node: 1, received: 400, drained: 300, rate: 100, behind: 100, limit: 'disk' }],
  }),
  at(4, { kind: 'step', node: 1, step: 'receive /', state: 'start' }),
  at(5, { kind: 'step', node: 1, step: 'receive /', state: 'fail', detail: 'x', failure }),
  at(6, { kind: 'log', node: 1, level: 'warning', message: 'a line' }),
  at(7, { kind: 'stream', pass: 1, name: '/', state: 'finish', sourceBytes: 900, sentBytes: 800 }),
  at(8, {
    kind: 'pass',
    pass: 1,
    of: 1,
    state: 'finish',
    nodes: [1],
    expectedBytes: 1000,
    sentBytes: 900,
    transferMs: 100,
    emptiedMs: 10,
  }),
  at(9, { ...node, state: 'failed', failure }),
  at(9, { ...node, node: 2, name: 'node2', state: 'done' }),
  at(10, {
    kind: 'session',
    state: 'finished',
    name: 'lab',
    address: '10.0.0.1:30765',
    wanted: 2,
    exitCode: 2,
    failure,
  }),
];

export const report: Report = {
  session: 'lab',
  version: '0.1.0',
  network: 'open',
  started: 1,
  finished: 2,
  exitCode: 0,
  wanted: 1,
  totals: {
    passes: 1,
    sourceBytes: 2,
    sentBytes: 3,
    transferMs: 4,
    emptiedMs: 5,
    bytesPerSecond: 6,
  },
  nodes: [
    {
      node: 1,
      name: 'node1',
      address: '10.0.0.2',
      macs,
      result: 'done',
      pass: 1,
      seconds: 1,
      steps: [{ step: 'receive /', state: 'finish', seconds: 1, detail: 'x' }],
      log: null,
    },
  ],
};
