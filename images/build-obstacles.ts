/** What keeps an image from being built, found in a second and not after the minutes of work. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { NamedError } from '../system/named-error.ts';
import { run } from '../system/run.ts';
import { missingTools } from '../system/tools.ts';
import { candidates, MADE_OF, readAdded } from './base-root.ts';
import type { BuildOptions } from './build.ts';
import { debianCodename } from './debian-root.ts';
import { AGENT, noAgent } from './initrd.ts';
import { readDriverList } from './kernel-modules.ts';
import { PACKAGES } from './recipe.ts';
import { checkImageName, imagesDirectory } from './store.ts';

/** What a build runs, and the Debian package that brings it. */
const TOOLS: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  'apt-cache': 'apt',
  'apt-config': 'apt',
  chroot: 'coreutils',
  mksquashfs: 'squashfs-tools',
  cpio: 'cpio',
  zstd: 'zstd',
  strip: 'binutils',
  ldd: 'libc-bin',
  depmod: 'kmod',
  modinfo: 'kmod',
};

type Wanted = Pick<BuildOptions, 'name' | 'drivers' | 'packages' | 'files' | 'scripts'>;

/** Error of a check, or nothing. Anything but a `NamedError` is thrown. */
const errorOf = async (check: () => unknown): Promise<NamedError[]> => {
  try {
    await check();
    return [];
  } catch (error) {
    if (error instanceof NamedError) return [error];
    throw error;
  }
};

const toolErrors = async (): Promise<NamedError[]> =>
  (await missingTools(Object.keys(TOOLS))).map(
    (tool) => new NamedError('ToolMissing', `${tool} is not installed; install ${TOOLS[tool]}`),
  );

/** Debian policy, 5.6.7. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;

const packageError = (name: string): NamedError[] => {
  if (!PACKAGE_NAME.test(name)) {
    return [new NamedError('NoSuchPackage', `--package ${name}: not the name of a Debian package`)];
  }
  if (!name.startsWith('linux-image-')) return [];
  const message = `--package ${name}: the image has its kernel already (linux-image-amd64); leave it out`;
  return [new NamedError('NoKernel', message)];
};

const knownPackages = async (packages: readonly string[]): Promise<void> => {
  await debianCodename(MADE_OF.what, MADE_OF.otherwise);
  if ((await missingTools(['apt-cache'])).length > 0) return;
  await candidates([...PACKAGES, ...packages.filter((name) => PACKAGE_NAME.test(name))]);
};

const placeErrors = (files: Wanted['files']): NamedError[] =>
  files.flatMap(({ to }, index) => {
    const first = files.findIndex((other) => other.to === to);
    const message = `--add: two files for ${to}; give one of them another place`;
    return first < index ? [new NamedError('BadPlace', message)] : [];
  });

/** What a kernel can start: execve(2). */
const requireProgram = async (path: string): Promise<void> => {
  const start = (await readAdded(path, '--script')).toString('latin1', 0, 4);
  if (start.startsWith('#!') || start === '\x7fELF') return;
  const message = `--script ${path}: no program; let it begin with #! and its interpreter`;
  throw new NamedError('FileUnreadable', message);
};

const requireDrivers = async (drivers: Wanted['drivers']): Promise<void> => {
  if (drivers.kind !== 'file') return;
  const { files } = await readDriverList(drivers.path);
  if ((await missingTools(['modinfo'])).length > 0) return;
  for (const file of files) {
    await run('modinfo', ['--field=vermagic', file]).catch((cause: NamedError) => {
      const message = `--drivers ${drivers.path}: ${file} is no kernel module`;
      throw new NamedError('DriversUnreadable', message, { cause });
    });
  }
};

const requireRoot = (): void => {
  if (process.getuid?.() === 0) return;
  throw new NamedError('NotRoot', 'boot images are built by root; use sudo');
};

const requirePlace = async (): Promise<void> => {
  const place = join(imagesDirectory(), '.cache');
  await mkdir(place, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    const message = `${place} cannot be made (${cause.code}); boot images are kept there`;
    throw new NamedError('StateUnwritable', message, { cause });
  });
};

/** All of them, each with a line of its own; none when the build can start. */
export const buildObstacles = async (wanted: Wanted): Promise<NamedError[]> => [
  ...(await errorOf(() => checkImageName(wanted.name))),
  ...wanted.packages.flatMap(packageError),
  ...placeErrors(wanted.files),
  ...(
    await Promise.all(wanted.files.map(({ from }) => errorOf(() => readAdded(from, '--add'))))
  ).flat(),
  ...(await Promise.all(wanted.scripts.map((path) => errorOf(() => requireProgram(path))))).flat(),
  ...(await errorOf(() => requireDrivers(wanted.drivers))),
  ...(await toolErrors()),
  ...(await errorOf(() => knownPackages(wanted.packages))),
  ...Object.values(AGENT).flatMap((file) => (existsSync(file) ? [] : [noAgent(file)])),
  ...(await errorOf(requireRoot)),
  ...(process.getuid?.() === 0 ? await errorOf(requirePlace) : []),
];
