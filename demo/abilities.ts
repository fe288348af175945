/** What this machine and user can give the demo: found out by trying, not by guessing. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { attachLoop, detachLoop, makeBlankImage } from './loop-disk.ts';

const why = (error: unknown): string => {
  if (!(error instanceof NamedError)) throw error;
  return error.output?.split('\n').at(-1) || error.message;
};

const tryLoopDevice = async (): Promise<string | null> => {
  const directory = await mkdtemp(join(tmpdir(), 'ka-demo-'));
  try {
    const image = join(directory, 'image');
    await makeBlankImage(image, 1024 * 1024);
    await detachLoop(await attachLoop(image));
    return null;
  } catch (error) {
    return `loop devices (${why(error)})`;
  } finally {
    await rm(directory, { recursive: true });
  }
};

const tryNamespaces = async (): Promise<string | null> => {
  try {
    const inside = ['ip', 'link', 'add', 'br0', 'type', 'bridge'];
    await run('unshare', ['--net', '--mount', ...inside]);
    return null;
  } catch (error) {
    return `network namespaces (${why(error)})`;
  }
};

/** Names of what is missing for a clone onto disks; empty when all is there. */
export const missingAbilities = async (): Promise<string[]> => {
  if (process.getuid?.() !== 0) return ['root'];
  const found = await Promise.all([tryLoopDevice(), tryNamespaces()]);
  return found.filter((name) => name !== null);
};
