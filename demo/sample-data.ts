/**
 * A directory with everything that is easily lost in copying: hard links, holes,
 * odd names, times, and as root also owners, ACLs, attributes, capabilities and
 * special files.
 */
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  link,
  lutimes,
  mkdir,
  open,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../system/run.ts';

const MIB = 1024 * 1024;

const odd = (directory: string, name: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${directory}/`), name]);

const writeSparse = async (file: string, sizeBytes: number): Promise<void> => {
  const handle = await open(file, 'w');
  try {
    await handle.write('start', 0);
    await handle.write('middle', Math.floor(sizeBytes / 2));
    await handle.truncate(sizeBytes);
  } finally {
    await handle.close();
  }
};

const writeBulk = async (file: string, mebibytes: number): Promise<void> => {
  const text = Buffer.alloc(MIB, 'a line of a log that packs well 0123456789\n');
  const handle = await open(file, 'w');
  try {
    for (let index = 0; index < mebibytes; index += 1) {
      await handle.write(index % 2 ? text : randomBytes(MIB));
    }
  } finally {
    await handle.close();
  }
};

const addRootOnly = async (directory: string): Promise<void> => {
  await chown(join(directory, 'plain'), 1234, 4321);
  await run('setfacl', ['-m', 'u:1234:rw,g:4321:r', join(directory, 'plain')]);
  await run('setfacl', ['-d', '-m', 'u:1234:rwx', join(directory, 'deep')]);
  await run('setfattr', ['-n', 'user.note', '-v', 'kept', join(directory, 'plain')]);
  await run('setfattr', ['-n', 'trusted.note', '-v', 'kept too', join(directory, 'deep')]);
  await writeFile(join(directory, 'tool'), '#!/bin/sh\necho hello\n', { mode: 0o755 });
  await run('setcap', ['cap_net_raw+ep', join(directory, 'tool')]);
  await writeFile(join(directory, 'setuid'), 'x');
  await chmod(join(directory, 'setuid'), 0o6755);
  await run('mknod', [join(directory, 'device'), 'c', '1', '3']);
};

/**
 * Fills an empty directory; `bulkMebibytes` of it is ordinary file data, half of
 * it hard to compress. `plain` leaves out what only root on a real machine can make.
 */
export const writeSampleData = async (
  directory: string,
  bulkMebibytes: number,
  options: { plain?: boolean } = {},
): Promise<void> => {
  await mkdir(join(directory, 'deep/er/and deeper'), { recursive: true });
  await writeFile(join(directory, 'plain'), 'plain\n');
  await link(join(directory, 'plain'), join(directory, 'deep/hard link'));
  await link(join(directory, 'plain'), join(directory, 'deep/er/another'));
  await symlink('../plain', join(directory, 'deep/soft'));
  await symlink('/nowhere/at all', join(directory, 'dangling'));
  await lutimes(join(directory, 'dangling'), 1e9, 1e9);
  await run('mkfifo', [join(directory, 'fifo')]);
  await writeSparse(join(directory, 'sparse'), 64 * MIB);
  await writeFile(join(directory, 'empty'), '');
  await writeFile(join(directory, 'no rights'), 'secret', { mode: 0o600 });
  for (const name of [
    'new\nline',
    ' spaces and "quotes" \\ $HOME `id`',
    '-rf',
    '*?[a]',
    'n'.repeat(255),
  ]) {
    await writeFile(join(directory, name), name);
  }
  await writeFile(odd(directory, Buffer.from([0x6e, 0x6f, 0xff, 0xfe, 0x75])), 'not UTF-8');
  await utimes(join(directory, 'empty'), 1, 86_400.25);
  await writeBulk(join(directory, 'bulk'), bulkMebibytes);
  if (!options.plain) await addRootOnly(directory);
};
