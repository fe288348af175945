/** Describes the golden's own disks, as they are; refuses by name what a clone would lack or have twice. */
import { isCleanPath } from '../desc/clean-path.ts';
import { unknownFilesystem } from '../desc/complete.ts';
import { describeDisk } from '../desc/from-disk.ts';
import type { GoldenDisk } from '../desc/golden-disk.ts';
import { Description, type DiskSpec, type PartitionSpec } from '../desc/model.ts';
import { sentence } from '../desc/sentences.ts';
import { NamedError } from '../system/named-error.ts';
import { btrfsDevices, type GoldenMount } from './golden-mounts.ts';
import { type GoldenRoot, ownMounts, readGoldenDisks } from './golden-root.ts';
import { isSkippedMount, type Skip, withoutSkipped } from './skip-devices.ts';

const GIVE_DESCRIPTION = 'give a description with -p DRIVE FILE';

/** "/dev/mapper/vg-root (/dev/dm-0)". */
const deviceText = ({ source, device }: GoldenMount): string =>
  device === undefined || source === device ? source : `${source} (${device})`;

const wholeDeviceText = (mount: GoldenMount): string => {
  const { device = '' } = mount;
  const text = deviceText(mount);
  if (device.startsWith('/dev/dm-')) return `on the volume ${text}, which is no partition`;
  if (device.startsWith('/dev/md')) return `on the array ${text}, which is no partition`;
  return `a file system on the whole of ${text}, which has no partition table`;
};

/** Where it was asked for it stays out; where not, ka does not know what to do. */
const refuse = (mount: GoldenMount, why: string, skipAdvice = true): NamedError => {
  const skip = skipAdvice
    ? `leave it out with -X '${mount.source.replace(/^\/dev\//, '')}$', or `
    : '';
  return new NamedError(
    'NoDescription',
    `${mount.mount} of the golden is ${why}, so its disk cannot be described; ${skip}${GIVE_DESCRIPTION}`,
  );
};

/** Why the golden's `/` cannot be described; undefined when it can. */
const rootProblem = (golden: GoldenRoot, skip: Skip): NamedError | undefined => {
  const root = golden.mounts.find(({ mount }) => mount === '/');
  if (!root) {
    return new NamedError(
      'NoDescription',
      `${golden.path} is not on a disk of its own, so its disk cannot be described; ${GIVE_DESCRIPTION}`,
    );
  }
  if (root.role === 'foreign') return refuse(root, `${root.type} (${root.source})`, false);
  if (root.role !== 'own') {
    return refuse(root, `only the directory ${root.root} of ${deviceText(root)}`, false);
  }
  if (isSkippedMount(skip, root)) {
    return new NamedError(
      'NoDescription',
      `-X ${skip.pattern} leaves out / of the golden (${deviceText(root)}), and nothing without it would start; correct it, or ${GIVE_DESCRIPTION}`,
    );
  }
  return root.disk === undefined ? refuse(root, wholeDeviceText(root), false) : undefined;
};

/** Of a golden whose `/` is on no partition nothing can be taken over. */
export const wholeRootProblem = ({ mounts }: GoldenRoot): NamedError | undefined => {
  const root = mounts.find(({ mount, role }) => mount === '/' && role === 'own');
  if (root === undefined || root.disk !== undefined) return undefined;
  return new NamedError(
    'NoDescription',
    `/ of the golden is ${wholeDeviceText(root)}, so the description must say by itself where its files go: write it in YAML, with mount: /`,
  );
};

const mountProblem = async (mount: GoldenMount): Promise<NamedError | undefined> => {
  const { role, of, disk, device = '', type, root } = mount;
  if (role === 'own' && !isCleanPath(mount.mount)) {
    return refuse(mount, `called ${JSON.stringify(mount.mount)}, which no description can say`);
  }
  if (role === 'piece' && of === undefined) {
    return refuse(
      mount,
      `only the directory ${root} of ${deviceText(mount)}, which is nowhere mounted as a whole`,
    );
  }
  if (role !== 'own') return undefined;
  if (disk === undefined) return refuse(mount, wholeDeviceText(mount));
  const devices = type === 'btrfs' ? await btrfsDevices(device) : [];
  return devices.length > 0
    ? refuse(mount, `a btrfs on several devices (${devices.join(', ')})`, mount.mount !== '/')
    : undefined;
};

/**
 * The golden's disks and their description. Disks of which nothing is left in
 * by `-X` are not read. Throws `NoDescription`, and `NoTable`, `StaleTable`.
 */
export const describeGolden = async (
  golden: GoldenRoot,
  skip: Skip,
): Promise<{ description: Description; disks: GoldenDisk[] }> => {
  const problem = rootProblem(golden, skip);
  if (problem) throw problem;
  const mounts = golden.mounts.filter((mount) => !isSkippedMount(skip, mount));
  for (const mount of mounts) {
    const why = await mountProblem(mount);
    if (why) throw why;
  }
  const wanted = ownMounts({ mounts }).flatMap(({ disk }) => disk ?? []);
  const disks = await readGoldenDisks(golden, wanted);
  const specs = disks.map((disk) => {
    const uses = Object.entries(disk.use).flatMap(([number, { mount, mountOptions }]) =>
      mount === undefined
        ? []
        : [
            [
              Number(number),
              { mount, ...(mountOptions === undefined ? {} : { mountOptions }) },
            ] as const,
          ],
    );
    return describeDisk(disk, { fillLast: true, mounts: new Map(uses) });
  });
  const description = withoutSkipped(
    { disks: specs, exclude: [], nodes: [] },
    skip,
    () => undefined,
  );
  const checked = Description.safeParse(description, { error: sentence });
  if (checked.success) return { description, disks };
  const [issue] = checked.error.issues;
  const [, disk = 0, , partition, field] = issue?.path ?? [];
  const spec = description.disks[Number(disk)];
  const number = spec?.partitions[Number(partition)]?.number;
  const where = number === undefined ? '' : `partition ${number} of `;
  throw new NamedError(
    'NoDescription',
    `${where}the golden's ${spec?.name} cannot be described: ${String(field ?? '')} ${issue?.message}; put it right, or ${GIVE_DESCRIPTION}`,
  );
};

/**
 * Throws `UnknownFilesystem` when something mounted on the described disks would
 * come to the nodes neither as files nor, because `isRaw` says so, byte by byte.
 */
export const requireUnderstood = (
  { disks: described }: Description,
  disks: readonly GoldenDisk[],
  golden: GoldenRoot,
  skip: Skip,
  isRaw: (disk: DiskSpec, partition: PartitionSpec) => boolean,
): void => {
  for (const { name, partitions, use } of disks) {
    const spec = described.find((disk) => disk.name === name);
    for (const { number, device } of partitions) {
      const mount = golden.mounts.find((each) => each.mount === use[number]?.mount);
      const partition = spec?.partitions.find((each) => each.number === number);
      if (!spec || !partition || !mount || isSkippedMount(skip, mount)) continue;
      if (partition.content !== 'files' && !isRaw(spec, partition)) {
        throw unknownFilesystem(mount.mount, device, mount.type);
      }
    }
  }
};
