/** Plans as a golden might send them: what a node takes of them. */
import fc from 'fast-check';
import { checkPlan, type Offered } from '../../../client-agent/check-plan.ts';
import { isAtOrIn, isCleanPath } from '../../../desc/clean-path.ts';
import { ClonePlan } from '../../../desc/clone-plan.ts';
import { parseMessage } from '../../../protocol/parse-message.ts';
import { isHostName } from '../../../system/names.ts';
import { jsonLike, objectLike } from '../hostile.ts';
import { mustBe, orRefused, parser, same } from '../target.ts';
import { mustBeTame } from './said.ts';

const GUID = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

const PARTITION = {
  ...{ number: 1, role: 'primary', startSector: 2048, sizeSectors: 409_600, type: GUID },
  ...{ name: 'root', flags: ['48'], partUuid: GUID.toLowerCase() },
  filesystem: { type: 'ext4', options: ['-O', '^metadata_csum'], label: 'root', uuid: GUID },
  ...{ mount: '/', mountOptions: 'noatime', content: 'files' },
  golden: { device: '/dev/sda1', uuid: GUID, label: 'root', subvolume: '/@' },
};

const DISK = {
  ...{ name: 'sda', device: '/dev/sda', sizeBytes: 2 ** 33, sectorBytes: 512, serial: 'A1' },
  ...{ table: 'gpt', tableId: GUID, keepsData: false },
  partitions: [
    PARTITION,
    { ...PARTITION, number: 2, startSector: 411_648, mount: '/home', partUuid: undefined },
    { ...PARTITION, number: 3, startSector: 821_248, mount: undefined, content: 'raw' },
  ],
};

const ON_DISKS = {
  hostname: 'node01',
  goldenHostname: 'golden',
  disks: [DISK, { ...DISK, name: 'sdb', device: '/dev/nvme0n1', partitions: [DISK.partitions[2]] }],
  streams: [
    { name: 'files /', kind: 'files', disk: 'sda', partition: 1, mount: '/', expectedBytes: 7 },
    { name: 'files /home', kind: 'files', disk: 'sda', partition: 2, mount: '/home/all' },
    { name: 'raw sda3', kind: 'raw', disk: 'sda', partition: 3 },
  ],
  mayBeCompressed: true,
  exclude: ['/var/cache'],
  notRead: ['/mnt/again'],
  bootloader: {
    ...{ kind: 'grub', firmware: 'bios', disk: 'sda' },
    ...{ initramfsModules: ['virtio_blk'], initramfsOptions: ['-v'] },
  },
  bootCode: { sda: 'AAAA' },
};

const INTO_A_DIRECTORY = {
  ...ON_DISKS,
  disks: [],
  streams: ON_DISKS.streams.slice(0, 2),
  bootloader: { ...ON_DISKS.bootloader, kind: 'none' },
  bootCode: {},
};

/** A disk calls itself what it likes; a node compares it with its own disk. */
const COMPARED = ['serial'];

const onceEach = (texts: readonly string[]): boolean => new Set(texts).size === texts.length;

/** It reaches nothing but what was offered. */
const mustBeHarmless = (plan: ClonePlan, devices: readonly string[], directory: boolean): void => {
  mustBeTame(plan, COMPARED);
  mustBe(isHostName(plan.hostname), 'no host name');
  mustBe(!directory || plan.disks.length === 0, 'disks for a directory');
  for (const { device } of plan.disks) mustBe(devices.includes(device), `writes to ${device}`);
  mustBe(onceEach(plan.disks.map(({ device }) => device)), 'a device twice');
  mustBe(onceEach(plan.disks.map(({ name }) => name)), 'a disk twice');
  mustBe(onceEach(plan.streams.map(({ name }) => name)), 'a stream twice');
  for (const { partitions } of plan.disks) {
    mustBe(onceEach(partitions.map(({ number }) => String(number))), 'a partition twice');
  }
  const partitions = plan.disks.flatMap((disk) =>
    disk.partitions.map((partition) => ({ disk: disk.name, ...partition })),
  );
  const mounts = partitions.flatMap(({ mount }) => mount ?? []);
  mustBe(onceEach(mounts), 'a mount point twice');
  const paths = [...mounts, ...plan.exclude, ...(plan.notRead ?? [])];
  mustBe(
    [...paths, ...plan.streams.flatMap(({ mount }) => mount ?? [])].every(isCleanPath),
    'path',
  );
  for (const { name, kind, disk, partition, mount } of plan.streams) {
    mustBe(kind === 'raw' || mount !== undefined, `${name} goes nowhere`);
    if (directory) {
      mustBe(kind === 'files', `${name} is for a partition`);
      continue;
    }
    const places = partitions.filter((one) => one.disk === disk && one.number === partition);
    const [place] = places;
    mustBe(places.length === 1 && place?.content === kind, `${name} has no place`);
    if (kind !== 'files') continue;
    const inside = mount !== undefined && place?.mount !== undefined;
    mustBe(inside && isAtOrIn(mount, place.mount ?? ''), `${name} goes to another file system`);
  }
  for (const name of directory ? [] : Object.keys(plan.bootCode)) {
    mustBe(
      plan.disks.some((disk) => disk.name === name),
      `makes ${name} bootable`,
    );
  }
};

const offers = fc.constantFrom<Offered[]>(
  { devices: ['/dev/sda', '/dev/nvme0n1'], directory: false },
  { devices: ['/dev/sda', '/dev/nvme0n1'], directory: false },
  { devices: ['/dev/sda'], directory: false },
  { devices: [], directory: true },
);

const taken = (said: unknown, offered: Offered): void => {
  const plan = ClonePlan.safeParse(said).data;
  if (!plan) return;
  const text = JSON.stringify(plan);
  const again = JSON.stringify(ClonePlan.parse(JSON.parse(text)));
  same(again, text, 'read again it is another');
  const isTaken = orRefused(['PlanRefused'], () => {
    checkPlan(plan, offered);
    return true;
  });
  if (isTaken) mustBeHarmless(plan, offered.devices, offered.directory);
};

/** Things of the same kind exchanged, which a schema cannot see. */
const rearranged = fc
  .tuple(
    fc.array(
      fc.record({
        name: fc.constantFrom('sda', 'sdb', 'cciss/c0d0'),
        device: fc.constantFrom('/dev/sda', '/dev/nvme0n1', '/dev/sdb', '/dev/sda/'),
        parts: fc.array(
          fc.record({
            number: fc.integer({ min: 1, max: 3 }),
            content: fc.constantFrom('files', 'raw', 'empty', 'keep'),
            mount: fc.constantFrom('/', '/home', '/home/all', '/srv', undefined),
          }),
          { minLength: 1, maxLength: 3 },
        ),
      }),
      { maxLength: 2 },
    ),
    fc.array(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c'),
        kind: fc.constantFrom('files', 'raw'),
        disk: fc.constantFrom('sda', 'sdb'),
        partition: fc.integer({ min: 1, max: 3 }),
        mount: fc.constantFrom('/', '/home', '/home/all', '/homes', undefined),
      }),
      { maxLength: 3 },
    ),
    fc.constantFrom({}, { sda: 'AAAA' }, { sdb: '' }),
    fc.constantFrom('sda', 'sdb', undefined),
  )
  .map(([disks, streams, bootCode, disk]) => ({
    ...ON_DISKS,
    disks: disks.map(({ name, device, parts }) => ({
      ...{ ...DISK, name, device },
      partitions: parts.map((part) => ({ ...PARTITION, ...part })),
    })),
    streams,
    bootCode,
    bootloader: { ...ON_DISKS.bootloader, disk },
  }));

export const clonePlanTargets = [
  parser(
    'plans of a hostile golden',
    fc.tuple(objectLike(ON_DISKS, INTO_A_DIRECTORY), offers),
    ([plan, offered]) => taken(plan, offered),
    3,
  ),
  parser(
    'plans of a hostile golden, rearranged',
    fc.tuple(rearranged, offers),
    ([plan, offered]) => taken(plan, offered),
    3,
  ),
  parser('plans of a hostile golden, as text', jsonLike(ON_DISKS, INTO_A_DIRECTORY), (said) => {
    const plan = parseMessage(ClonePlan, said);
    if (plan) mustBeTame(plan, COMPARED);
  }),
];
