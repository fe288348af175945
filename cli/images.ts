/** `ka images …`: what nodes boot from the network. */
import { resolve } from 'node:path';
import process from 'node:process';
import type { Command } from 'commander';
import { parseAddition } from '../images/base-root.ts';
import { buildImage } from '../images/build.ts';
import { buildObstacles } from '../images/build-obstacles.ts';
import { parseDrivers } from '../images/kernel-modules.ts';
import {
  DEFAULT_IMAGE,
  findImage,
  IMAGE_FILES,
  imageFaults,
  listImages,
  removeImage,
} from '../images/store.ts';
import { NamedError } from '../system/named-error.ts';
import { fail, told } from './exit.ts';
import { gather } from './parse.ts';
import { stopSignal } from './stop-signal.ts';
import { version } from './version.ts';

/** Adds `images build|list|verify|remove`. */
export const addImagesCommands = (program: Command): void => {
  const images = program
    .command('images')
    .description('boot images: what nodes start from the network');
  addBuild(images);
  images.command('list').description('the images of this machine').action(told(list));
  images
    .command('verify')
    .description('check that images are as they were built')
    .argument('[name...]', 'default: all')
    .action(told(verify));
  images
    .command('remove')
    .description('remove images')
    .argument('<name...>')
    .action(
      told(async (names: string[]) => {
        for (const name of names) await findImage(name);
        for (const name of names) {
          await removeImage(name);
          print(`${name}: removed`);
        }
      }),
    );
};

interface BuildFlags {
  name: string;
  drivers: string;
  add?: string[];
  package?: string[];
  script?: string[];
}

const addBuild = (images: Command): void => {
  images
    .command('build')
    .description('build an image from Debian packages, as root')
    .option('--name <name>', 'name of the image', DEFAULT_IMAGE)
    .option(
      '--drivers <which>',
      'network drivers: all, virtio, or a file with module names and .ko files',
      'all',
    )
    .option(
      '--add <file[:place]>',
      'put a file into stage2 (default place: /usr/local/bin; repeatable)',
      gather(String),
    )
    .option('--package <name>', 'one more Debian package in stage2 (repeatable)', gather(String))
    .option(
      '--script <file>',
      "run this in stage2's root when it is made (repeatable)",
      gather(String),
    )
    .addHelpText('after', '\nExit status: 0 built, 64 wrong use, 1 anything else.')
    .action(
      told(async (flags: BuildFlags) => {
        const startedMs = Date.now();
        const seconds = () => `${Math.round((Date.now() - startedMs) / 1000)} s`;
        const wanted = {
          name: flags.name,
          drivers: parseDrivers(flags.drivers),
          files: (flags.add ?? []).map(parseAddition),
          packages: flags.package ?? [],
          scripts: (flags.script ?? []).map((file) => resolve(file)),
        };
        const obstacles = await buildObstacles(wanted);
        if (obstacles.length > 0) {
          process.exitCode = Math.max(...obstacles.map((obstacle) => fail(obstacle)));
          return;
        }
        const { name, manifest } = await buildImage({
          ...wanted,
          version,
          signal: stopSignal('the build'),
          log: (line) => print(`${seconds().padStart(5)}  ${line}`),
        });
        for (const file of IMAGE_FILES) print(`${mib(manifest.files[file].bytes)}  ${file}`);
        print(`image "${name}" (${manifest.id}) is built; serve it with: ka pxe serve`);
      }),
    );
};

const list = async (): Promise<void> => {
  for (const { name, manifest } of await listImages()) {
    const { id, version: by, kernel, drivers, built, files } = manifest;
    const date = new Date(built).toISOString().slice(0, 16).replace('T', ' ');
    const size = mib(files['initrd.img'].bytes).trim();
    print(
      `${name}  ${id}  ${date}  ka ${by}, kernel ${kernel}, drivers ${drivers}, initrd ${size}`,
    );
  }
};

const verify = async (names: string[]): Promise<void> => {
  const images = names.length > 0 ? await Promise.all(names.map(findImage)) : await listImages();
  const bad: string[] = [];
  for (const image of images) {
    const faults = await imageFaults(image);
    print(`${image.name}: ${faults.length === 0 ? 'good' : faults.join('; ')}`);
    if (faults.length > 0) bad.push(image.name);
  }
  if (bad.length === 0) return;
  throw new NamedError(
    'ImageDamaged',
    `${bad.join(', ')}: not as built; build again with: ka images build --name ${bad[0]}`,
  );
};

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`.padStart(10);

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
