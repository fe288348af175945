/** Loads the kernel modules this machine's devices ask for, as udev would. */
import { glob, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandLog, run } from '../../system/run.ts';

export interface DriverOptions {
  log: CommandLog;
  signal: AbortSignal;
}

/** A loaded driver finds further devices (controllers, ports, disks): so often is looked again. */
const ROUNDS = 4;
const ROUND_MS = 400;

/** modprobe's exit status when one of the names has no module: most devices have their drivers built in. */
const SOME_UNKNOWN = 1;

const modaliases = async (): Promise<string[]> => {
  const found: string[] = [];
  for await (const path of glob('/sys/devices/**/modalias')) {
    // A device may go while it is looked at.
    const alias = await readFile(path, 'utf8').catch(() => '');
    if (alias.trim() !== '') found.push(alias.trim());
  }
  return found;
};

/** Loads what is known for each device, and for the devices that appear by it. */
export const loadDrivers = async ({ log, signal }: DriverOptions): Promise<void> => {
  const tried = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const fresh = [...new Set(await modaliases())].filter((alias) => !tried.has(alias));
    if (round > 0 && fresh.length === 0) return;
    for (const alias of fresh) tried.add(alias);
    if (fresh.length > 0) {
      await run('modprobe', ['-a', '-b', '-q', ...fresh], {
        signal,
        okExitCodes: [0, SOME_UNKNOWN],
      });
      log(`looked for drivers of ${fresh.length} devices`);
    }
    await sleep(ROUND_MS, undefined, { signal });
  }
};

/** First byte of a PCI class: mass storage, network. */
export type DeviceClass = '01' | '02';

/** PCI devices of a class that no driver has taken, as "8086:1c02". */
export const withoutDriver = async (wanted: DeviceClass): Promise<string[]> => {
  const found: string[] = [];
  for await (const path of glob('/sys/bus/pci/devices/*/class')) {
    const kind = (await readFile(path, 'utf8')).trim();
    const device = dirname(path);
    if (!kind.startsWith(`0x${wanted}`) || (await readdir(device)).includes('driver')) continue;
    const id = async (name: string) =>
      (await readFile(join(device, name), 'utf8')).trim().replace(/^0x/, '');
    found.push(`${await id('vendor')}:${await id('device')}`);
  }
  return found;
};
