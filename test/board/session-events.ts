/** Sessions for the board's tests: the events a real golden would emit, with numbers that fit together. */
import type { NewEvent, SessionEvent } from '../../protocol/events.ts';

export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;
/** Size of the file system that is sent. */
export const SOURCE_BYTES = Math.round(1.91 * GIB);

/** 2026-03-14 14:00:00 UTC, milliseconds since 1970. */
export const T0 = Date.UTC(2026, 2, 14, 14, 0, 0);

/** `event` at `seconds` after T0. */
export const at = (seconds: number, event: NewEvent): SessionEvent =>
  ({ ...event, time: T0 + seconds * 1000 }) as SessionEvent;

export const name = (node: number, digits = 2): string =>
  `node${String(node).padStart(digits, '0')}`;
export const address = (node: number): string =>
  `10.0.${1 + Math.floor(node / 150)}.${100 + (node % 150)}`;

export const open = (seconds: number, wanted: number): SessionEvent =>
  at(seconds, {
    kind: 'session',
    state: 'open',
    name: 'lab-24',
    address: '10.0.1.42',
    wanted,
    network: 'open',
    plan: ['desc = sda /tmp/desc', '+ Included mount points : / /home'],
  });

type State = Extract<SessionEvent, { kind: 'node' }>['state'];

export const node = (
  seconds: number,
  number: number,
  state: State,
  why?: string,
  digits?: number,
): SessionEvent =>
  at(seconds, {
    kind: 'node',
    node: number,
    name: name(number, digits),
    address: address(number),
    state,
    macs: [`52:54:00:12:34:${(16 + (number % 200)).toString(16)}`],
    ...(why === undefined ? {} : { why }),
  });

export const step = (
  seconds: number,
  number: number,
  what: string,
  state: 'start' | 'finish' | 'skip' | 'fail',
  detail?: string,
): SessionEvent =>
  at(seconds, {
    kind: 'step',
    node: number,
    step: what,
    state,
    ...(detail === undefined ? {} : { detail }),
  });

/** A progress event: `sent` MiB on the line, each node `behind` it by so many MiB. */
export const progress = (
  seconds: number,
  sentMib: number,
  behindMib: Readonly<Record<number, number>>,
  limit: string | null,
): SessionEvent =>
  at(seconds, {
    kind: 'progress',
    pass: 1,
    stream: 'files /',
    sentBytes: Math.round(sentMib * MIB),
    sourceBytes: Math.round(sentMib * 2.0625 * MIB),
    lineRate: 112 * MIB,
    sourceRate: 231 * MIB,
    etaMs: 100_000,
    limit,
    nodes: Object.entries(behindMib).map(([number, behind]) => ({
      node: Number(number),
      received: Math.round((sentMib - behind) * MIB),
      drained: Math.round((sentMib - behind) * MIB),
      rate: (112 - behind * 0.7) * MIB,
      behind: Math.round(behind * MIB),
      limit: behind > 4 ? ('disk' as const) : null,
    })),
  });

/** Four nodes, waiting, prepared and in the chain; pass 1 has started. */
export const upToPass = (): SessionEvent[] => [
  open(0, 4),
  ...[1, 2, 3, 4].map((number) => node(number * 3, number, 'waiting')),
  at(20, { kind: 'session', state: 'started', name: 'lab-24', address: '10.0.1.42', wanted: 4 }),
  ...[1, 2, 3, 4].flatMap((number) => [
    node(21, number, 'preparing'),
    step(21, number, 'partition sda', 'start'),
    step(22, number, 'partition sda', 'finish'),
    step(22, number, 'format sda1', 'start', 'ext4'),
    step(24, number, 'format sda1', 'finish', 'ext4'),
    node(25, number, 'ready'),
  ]),
  at(26, { kind: 'chain', pass: 1, epoch: 1, order: [1, 2, 3, 4] }),
  at(26, {
    kind: 'pass',
    pass: 1,
    of: 1,
    state: 'start',
    nodes: [1, 2, 3, 4],
    expectedBytes: SOURCE_BYTES,
    encoding: 'zstd',
  }),
  at(26, { kind: 'stream', pass: 1, name: 'files /', state: 'start' }),
  ...[1, 2, 3, 4].flatMap((number) => [
    node(26, number, 'receiving'),
    step(26, number, 'receive /', 'start'),
  ]),
];

/** The same, node04 dead and taken out, the others two thirds through, node02's disk the slowest. */
export const inTransfer = (): SessionEvent[] => [
  ...upToPass(),
  progress(100, 400, { 1: 0.2, 2: 2, 3: 2.1, 4: 2.4 }, 'golden: reading'),
  at(171, {
    kind: 'log',
    node: null,
    level: 'warning',
    message: 'node04 no heartbeat for 3 s, taken out at 812 MiB; it was last in the chain',
  }),
  node(171, 4, 'bypassed', 'no heartbeat for 3 s'),
  at(172, { kind: 'chain', pass: 1, epoch: 2, order: [1, 2, 3], why: 'node04 is out' }),
  at(172, {
    kind: 'log',
    node: null,
    level: 'info',
    message: 'chain whole again, nothing lost',
  }),
  progress(212, 616, { 1: 0.2, 2: 4.1, 3: 4.3 }, 'node02: disk 109 MiB/s'),
];

/** The whole session: three nodes done, node04 lost for good, one failure with its output. */
export const wholeSession = (): SessionEvent[] => [
  ...inTransfer(),
  at(300, {
    kind: 'stream',
    pass: 1,
    name: 'files /',
    state: 'finish',
    sourceBytes: SOURCE_BYTES,
    sentBytes: 792 * MIB,
  }),
  ...[1, 2, 3].map((number) => node(302, number, 'received')),
  at(302, {
    kind: 'pass',
    pass: 1,
    of: 1,
    state: 'finish',
    nodes: [1, 2, 3],
    expectedBytes: SOURCE_BYTES,
    sentBytes: 792 * MIB,
    transferMs: 69_904,
    emptiedMs: 4002,
  }),
  node(303, 4, 'lost', 'did not come back within 30 s'),
  ...[1, 2, 3].map((number) => node(304, number, 'finishing')),
  step(305, 1, 'settle', 'skip', 'nothing changed on the golden'),
  step(305, 3, 'bootloader', 'start'),
  at(306, {
    kind: 'step',
    node: 3,
    step: 'bootloader',
    state: 'fail',
    failure: {
      code: 'CommandFailed',
      message: 'grub-install /dev/sda exited 1: no space on sda1; enlarge it in the desc',
      output: 'Installing for i386-pc platform.\ngrub-install: error: no space left on device.',
    },
  }),
  at(306, {
    kind: 'node',
    node: 3,
    name: name(3),
    address: address(3),
    macs: [],
    state: 'failed',
    failure: {
      code: 'CommandFailed',
      message: 'grub-install /dev/sda exited 1: no space on sda1; enlarge it in the desc',
      output: 'Installing for i386-pc platform.\ngrub-install: error: no space left on device.',
    },
  }),
  node(320, 1, 'done'),
  node(322, 2, 'done'),
  at(323, {
    kind: 'session',
    state: 'finished',
    name: 'lab-24',
    address: '10.0.1.42',
    wanted: 4,
    exitCode: 2,
  }),
];
