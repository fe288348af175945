/** What a golden may ask of this node: only what was offered to it. */

import { isAtOrIn } from '../desc/clean-path.ts';
import type { ClonePlan } from '../desc/clone-plan.ts';
import { NamedError } from '../system/named-error.ts';

export interface Offered {
  /** Devices of the disks this agent was given. */
  devices: readonly string[];
  /** It clones into a directory: it has no disks at all. */
  directory: boolean;
}

const refused = (why: string): NamedError =>
  new NamedError(
    'PlanRefused',
    `the golden's plan ${why}, which this node did not offer; refused, nothing was written`,
  );

/** A subvolume of the golden is a directory of the node's file system. */
const isPlaceOf = (place: string | undefined, mount: string | undefined): boolean =>
  place !== undefined && mount !== undefined && isAtOrIn(mount, place);

const twice = (texts: readonly string[]): string | undefined =>
  texts.find((text, index) => texts.indexOf(text) !== index);

/**
 * Throws `PlanRefused` for a plan that reaches beyond what was offered: another
 * device, a place outside the target, a stream with no partition. Its shape and
 * its numbers have been checked by the schema.
 */
export const checkPlan = (plan: ClonePlan, { devices, directory }: Offered): void => {
  const { disks, streams, bootCode, bootloader } = plan;
  if (directory && disks.length > 0) throw refused('has disks');
  for (const { device } of disks) {
    if (!devices.includes(device)) throw refused(`writes to ${device}`);
  }
  const partitions = disks.flatMap((disk) =>
    disk.partitions.map((partition) => ({ disk: disk.name, ...partition })),
  );
  const mounts = partitions.flatMap(({ mount }) => mount ?? []);
  const doubled =
    twice(disks.map(({ device }) => device)) ??
    twice(disks.map(({ name }) => name)) ??
    twice(partitions.map(({ disk, number }) => `partition ${number} of ${disk}`)) ??
    twice(mounts) ??
    twice(streams.map(({ name }) => name));
  if (doubled !== undefined) throw refused(`has ${JSON.stringify(doubled)} twice`);
  for (const { name, kind, disk, partition, mount } of streams) {
    if (directory) {
      if (kind === 'files' && mount !== undefined) continue;
      throw refused(`sends ${JSON.stringify(name)} to a partition`);
    }
    const place = partitions.find((one) => one.disk === disk && one.number === partition);
    if (place?.content !== kind || (kind === 'files' && !isPlaceOf(place.mount, mount))) {
      throw refused(`sends ${JSON.stringify(name)} where it has no place for it`);
    }
  }
  const names = disks.map(({ name }) => name);
  for (const name of [...Object.keys(bootCode), ...(bootloader.disk ? [bootloader.disk] : [])]) {
    if (!directory && !names.includes(name))
      throw refused(`makes ${JSON.stringify(name)} bootable`);
  }
};
