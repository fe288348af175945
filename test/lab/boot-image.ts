/** The boot image of the lab: built once by `ka images build`, and again when ka itself has changed. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines, startKa } from '../../demo/ka-process.ts';
import { type Say, step } from '../../demo/progress.ts';
import { ImageManifest } from '../../images/store.ts';
import { NamedError } from '../../system/named-error.ts';

/** Written when dist/ was bundled. */
const bundled = fileURLToPath(new URL('../dist/.built', import.meta.url));

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

const readManifest = async (images: string): Promise<ImageManifest | undefined> => {
  const file = join(images, 'default', 'manifest.json');
  if (!existsSync(file)) return undefined;
  // One of an older ka is built again.
  return ImageManifest.safeParse(JSON.parse(await readFile(file, 'utf8'))).data;
};

const isCurrent = async (manifest: ImageManifest | undefined): Promise<boolean> =>
  manifest !== undefined && manifest.built > (await stat(bundled)).mtimeMs;

/**
 * Makes sure there is one below `stateDirectory`, which is kept from run to run,
 * and says how large it is. Returns the directory of the images.
 */
export const provideBootImage = async (
  stateDirectory: string,
  say: Say,
  signal: AbortSignal,
): Promise<string> => {
  const images = join(stateDirectory, 'images');
  await mkdir(stateDirectory, { recursive: true });
  if (!(await isCurrent(await readManifest(images)))) {
    await step(say, 'building the boot image', async () => {
      const logFile = join(stateDirectory, 'images-build.log');
      const build = startKa(['images', 'build', '--drivers', 'virtio'], {
        logFile,
        stateDirectory,
        signal,
      });
      const exitCode = await build.ended;
      if (exitCode !== 0) {
        const message = `ka images build exited ${exitCode}; see ${logFile}`;
        throw new NamedError('NoBootImage', message, { output: await lastLines(build) });
      }
    });
  }
  const manifest = await readManifest(images);
  if (!manifest) throw new NamedError('NoBootImage', `ka images build made nothing in ${images}`);
  const { vmlinuz, 'initrd.img': initrd, 'stage2.squashfs': stage2 } = manifest.files;
  say(
    `boot image: kernel ${mebibytes(vmlinuz.bytes)}, initrd ${mebibytes(initrd.bytes)}, stage2 ${mebibytes(stage2.bytes)}`,
  );
  return images;
};
