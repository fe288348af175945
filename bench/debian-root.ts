/** The demo's golden system, built when it is not there, mounted read-only as in a session. */
import { fileURLToPath } from 'node:url';
import { buildGoldenDisk, findGoldenDisk } from '../demo/golden-disk.ts';
import type { Lab } from '../demo/lab.ts';
import { mountSystem } from '../demo/mounted-system.ts';
import type { Say } from './turns.ts';

const cacheDirectory = fileURLToPath(new URL('../.cache/demo', import.meta.url));

/** Directory with the system in it, unmounted with the lab. */
export const mountDebian = async (lab: Lab, say: Say, signal: AbortSignal): Promise<string> => {
  let image = await findGoldenDisk(cacheDirectory);
  if (image === null) {
    say('building a small Debian (about a minute, once) …');
    image = await buildGoldenDisk({ cacheDirectory, signal });
  }
  const disk = await lab.attach(image, { readOnly: true });
  return mountSystem(lab, disk, 'golden');
};
