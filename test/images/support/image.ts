import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileFacts, IMAGE_FILES } from '../../../images/store.ts';

/** A boot image as far as serving it goes: its files are noise. */
export const makeImage = async (stateDirectory: string, name = 'default'): Promise<string> => {
  const directory = join(stateDirectory, 'images', name);
  await mkdir(directory, { recursive: true });
  for (const file of IMAGE_FILES) await writeFile(join(directory, file), randomBytes(300_000));
  const facts = await Promise.all(
    IMAGE_FILES.map(async (file) => [file, await fileFacts(join(directory, file))] as const),
  );
  const files = Object.fromEntries(facts);
  const about = { id: name, version: '0.1.0', protocol: 1, kernel: '6.1', drivers: 'none' };
  await writeFile(join(directory, 'manifest.json'), JSON.stringify({ ...about, built: 0, files }));
  return directory;
};
