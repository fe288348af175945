/** Builds one boot image: kernel, initrd (stage1) and squashfs (stage2). */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';
import { PROTOCOL_VERSION } from '../protocol/constants.ts';
import type { CommandLog } from '../system/run.ts';
import { packSquashfs } from './archive.ts';
import { baseRoot, type SiteAdditions } from './base-root.ts';
import { initrdParts, writeInitrd } from './initrd.ts';
import { type Drivers, kernelOf } from './kernel-modules.ts';
import { UNNEEDED, UNNEEDED_MODULES } from './recipe.ts';
import { type BootImage, fileFacts, type ImageManifest, imagesDirectory } from './store.ts';

export interface BuildOptions extends SiteAdditions {
  name: string;
  drivers: Drivers;
  /** Of ka. */
  version: string;
  signal: AbortSignal;
  /** Hears what is being done, a line for each part of the work. */
  log: CommandLog;
}

const ID_CHARACTERS = 16;

/**
 * Builds the image, when `buildObstacles` has found nothing, and puts it in the place of an older one of its name; until
 * then that stays as it is. Parts that have not changed are taken from the
 * last build. The same packages, drivers and agent give the same bytes.
 */
export const buildImage = async (options: BuildOptions): Promise<BootImage> => {
  const { name, drivers, version, signal, log } = options;
  const cache = join(imagesDirectory(), '.cache');
  await mkdir(cache, { recursive: true });
  const root = await baseRoot({ ...options, cache });
  const kernel = await kernelOf(root);
  log(`kernel ${kernel}`);
  const stage2 = await stage2File(root, kernel, cache, options);
  const parts = await initrdParts({ root, kernel, drivers, cache, signal, log });
  const directory = join(imagesDirectory(), name);
  const unfinished = join(imagesDirectory(), `.${name}.${process.pid}`);
  try {
    await mkdir(unfinished);
    const file = (part: string) => join(unfinished, part);
    await copyFile(join(root, 'boot', `vmlinuz-${kernel}`), file('vmlinuz'));
    await copyFile(stage2, file('stage2.squashfs'));
    const [vmlinuz, squashfs] = await Promise.all(
      ['vmlinuz', 'stage2.squashfs'].map((part) => fileFacts(file(part))),
    );
    if (!vmlinuz || !squashfs) throw new RangeError('two files have two facts');
    const hash = createHash('sha256');
    for (const part of [vmlinuz.sha256, squashfs.sha256, version]) hash.update(`${part}\0`);
    hash.update(parts.system);
    for (const { name, bytes } of parts.agent) hash.update(`${name}\0`).update(bytes);
    const id = hash.digest('hex').slice(0, ID_CHARACTERS);
    await writeInitrd(file('initrd.img'), parts, { id, version }, { cache, signal });
    const initrd = await fileFacts(file('initrd.img'));
    const manifest: ImageManifest = {
      id,
      version,
      protocol: PROTOCOL_VERSION,
      kernel,
      drivers: drivers.kind === 'file' ? drivers.path : drivers.kind,
      built: Date.now(),
      files: { vmlinuz, 'initrd.img': initrd, 'stage2.squashfs': squashfs },
    };
    await writeFile(file('manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await rm(directory, { recursive: true, force: true });
    await rename(unfinished, directory);
    return { name, directory, manifest };
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
};

const stage2File = async (
  root: string,
  kernel: string,
  cache: string,
  { signal, log }: BuildOptions,
): Promise<string> => {
  const modules = UNNEEDED_MODULES.map((path) => `usr/lib/modules/${kernel}/kernel/${path}`);
  const unneeded = [...UNNEEDED, ...modules].filter((path) => existsSync(join(root, path)));
  const key = createHash('sha256').update(JSON.stringify(unneeded)).digest('hex').slice(0, 8);
  const file = join(cache, `stage2-${basename(root)}-${key}.squashfs`);
  if (existsSync(file)) {
    log('stage2: as before');
    return file;
  }
  log('stage2: packing; this takes a minute');
  const unfinished = `${file}.${process.pid}`;
  try {
    await packSquashfs(root, unneeded, unfinished, { signal });
    for (const name of await readdir(cache)) {
      if (name.startsWith('stage2-') && name.endsWith('.squashfs')) await rm(join(cache, name));
    }
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
  return file;
};
