/** A machine-id(5) of the clone's own. */
import { randomBytes } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { entryInside, orNull, readInside, writeInside } from '../system/inside.ts';

const MACHINE_ID = '/etc/machine-id';
const DBUS_ID = '/var/lib/dbus/machine-id';

/**
 * New 32 hex digits with the version and variant bits of a random UUID, as
 * systemd makes them. An id that is empty or "uninitialized" is left alone:
 * such a golden gets a new one at each first boot.
 */
export const renewMachineId = async (root: string): Promise<string> => {
  const before = await readInside(root, MACHINE_ID);
  const dbusIsFile = (await orNull(lstat(await entryInside(root, DBUS_ID))))?.isFile() ?? false;
  if (before === null && !dbusIsFile) return 'no machine-id';
  if (before !== null && !/^[0-9a-f]{32}\s*$/.test(before)) {
    return 'machine-id is made at first boot';
  }
  const id = newMachineId();
  if (before !== null) await writeInside(root, MACHINE_ID, `${id}\n`);
  if (dbusIsFile) await writeInside(root, DBUS_ID, `${id}\n`);
  return 'new machine-id';
};

const newMachineId = (): string => {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex');
};
