/** The golden of the lab: its mounted disk, its boot services, its session. */
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildGoldenDisk, findGoldenDisk } from '../../demo/golden-disk.ts';
import { type Firmware, goldenLayouts } from '../../demo/golden-layouts.ts';
import type { Lab } from '../../demo/lab.ts';
import { mountSystem } from '../../demo/mounted-system.ts';
import { type Say, step } from '../../demo/progress.ts';

/** Name of the emulated machines' disk, a virtio one. */
const DISK = 'vda';

/** What must not be mounted here: this machine's kernel may lack vfat, and has no business with it. */
export const UNMOUNTED = ['vfat'];

export interface GoldenSystem {
  /** Where it is mounted. */
  root: string;
  diskBytes: number;
  /** Flags of `ka golden` that say what to clone. */
  flags: string[];
}

const provideImage = async (
  firmware: Firmware,
  { cacheDirectory, say, signal }: GoldenOptions,
): Promise<string> =>
  (await findGoldenDisk(cacheDirectory, firmware)) ??
  step(say, `building the golden disk for ${firmware} (about a minute, once)`, () =>
    buildGoldenDisk({ cacheDirectory, firmware, signal }),
  );

export interface GoldenOptions {
  /** Keeps golden disks from run to run. */
  cacheDirectory: string;
  say: Say;
  signal: AbortSignal;
}

/** Mounts the golden's disk, read-only, built first if need be; gone with the lab. */
export const mountGolden = async (
  lab: Lab,
  firmware: Firmware,
  options: GoldenOptions,
): Promise<GoldenSystem> => {
  const image = await provideImage(firmware, options);
  const disk = await lab.attach(image, { readOnly: true });
  const root = await mountSystem(lab, disk, 'golden', { except: UNMOUNTED });
  const { fileName, text } = goldenLayouts[firmware].describe(DISK);
  const description = join(lab.directory, fileName);
  await writeFile(description, text);
  return {
    root,
    diskBytes: (await stat(image)).size,
    flags: ['-p', DISK, description, '--root', root],
  };
};
