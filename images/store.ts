/**
 * The boot images kept on this machine: a directory each, below
 * `images/` of the state directory, complete or not there at all.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { NamedError } from '../system/named-error.ts';
import { stateDirectory } from '../system/state-directory.ts';

const FileFacts = z.object({ bytes: z.int(), sha256: z.string() });

/** What a boot image is; `manifest.json` in its directory. */
export const ImageManifest = z.object({
  /** Changes with anything in it: a node and its golden compare it. */
  id: z.string(),
  /** Of ka, whose agent is in it. */
  version: z.string(),
  protocol: z.int(),
  kernel: z.string(),
  drivers: z.string(),
  /** Milliseconds since 1970. */
  built: z.number(),
  files: z.object({
    vmlinuz: FileFacts,
    'initrd.img': FileFacts,
    'stage2.squashfs': FileFacts,
  }),
});
export type ImageManifest = z.infer<typeof ImageManifest>;
export type ImageFile = keyof ImageManifest['files'];

export const IMAGE_FILES: readonly ImageFile[] = ['vmlinuz', 'initrd.img', 'stage2.squashfs'];

export interface BootImage {
  name: string;
  directory: string;
  manifest: ImageManifest;
}

/** Name of the image that is built and booted unless another is named. */
export const DEFAULT_IMAGE = 'default';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const imagesDirectory = (): string => join(stateDirectory(), 'images');

/** Throws `BadName` unless `name` can be a directory's. */
export const checkImageName = (name: string): string => {
  if (NAME.test(name)) return name;
  throw new NamedError(
    'BadName',
    `image name "${name}": use up to 64 letters, digits, dots and dashes`,
  );
};

export const imageFile = (image: BootImage, file: ImageFile): string => join(image.directory, file);

/** All images, by name. A directory without a manifest is none. Throws `ImageUnreadable`. */
export const listImages = async (): Promise<BootImage[]> => {
  const names = await readdir(imagesDirectory()).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found: BootImage[] = [];
  for (const name of names.filter((candidate) => NAME.test(candidate)).sort()) {
    const image = await readImage(name);
    if (image) found.push(image);
  }
  return found;
};

/** Throws `NoImage` when it was not built, naming the command that builds it. */
export const findImage = async (name: string = DEFAULT_IMAGE): Promise<BootImage> => {
  const image = await readImage(checkImageName(name));
  if (image) return image;
  const option = name === DEFAULT_IMAGE ? '' : ` --name ${name}`;
  throw new NamedError(
    'NoImage',
    `there is no boot image "${name}" on this machine; build it with: ka images build${option}`,
  );
};

/** Names what is wrong with an image's files; empty when they are as they were built. */
export const imageFaults = async (image: BootImage): Promise<string[]> => {
  const faults: string[] = [];
  for (const file of IMAGE_FILES) {
    const wanted = image.manifest.files[file];
    const facts = await fileFacts(imageFile(image, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!facts) faults.push(`${file} is missing`);
    else if (facts.sha256 !== wanted.sha256) {
      faults.push(`${file} is damaged (${facts.bytes} bytes, built with ${wanted.bytes})`);
    }
  }
  return faults;
};

export const removeImage = async (name: string): Promise<void> => {
  const { directory } = await findImage(name);
  await rm(directory, { recursive: true });
};

export const fileFacts = async (path: string): Promise<z.infer<typeof FileFacts>> => {
  const { size } = await stat(path);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { bytes: size, sha256: hash.digest('hex') };
};

const readImage = async (name: string): Promise<BootImage | undefined> => {
  const directory = join(imagesDirectory(), name);
  const file = join(directory, 'manifest.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return { name, directory, manifest: ImageManifest.parse(JSON.parse(text)) };
  } catch (cause) {
    throw new NamedError(
      'ImageUnreadable',
      `${file} is not of this version of ka; build the image again: ka images build --name ${name}`,
      { cause },
    );
  }
};
