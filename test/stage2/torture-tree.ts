/** A tree with everything that is hard to copy. */
import { chmod, chown, link, mkdir, open, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { run } from '../../system/run.ts';

const bytes = (directory: string, name: number[]): Buffer =>
  Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)]);

/** Fills `root`; everything but sockets. */
export const makeTortureTree = async (root: string): Promise<void> => {
  const at = (name: string): string => join(root, name);
  await mkdir(at('names'), { recursive: true });
  await writeFile(at('names/new\nline'), 'a');
  await writeFile(at('names/tab\tand space '), 'b');
  await writeFile(at('names/back\\slash*?[x]'), 'c');
  await writeFile(at('names/-rf'), 'd');
  await writeFile(at(`names/${'n'.repeat(255)}`), 'e');
  await writeFile(bytes(at('names'), [0xff, 0xfe, 0x80, 0x41]), 'f');
  await mkdir(bytes(at('names'), [0xe9, 0x64]));
  await writeFile(bytes(at('names'), [0xe9, 0x64, 0x2f, 0xe9]), 'g');
  let deep = root;
  for (let level = 0; level < 15; level += 1) {
    deep = join(deep, 'deep'.repeat(25));
    await mkdir(deep);
  }
  await writeFile(join(deep, 'bottom'), 'h');

  await writeFile(at('one'), 'linked');
  await link(at('one'), at('two'));
  await link(at('one'), at('names/three'));
  await symlink('/etc/absolute', at('absolute link'));
  await symlink('../../out', at('relative link'));
  await symlink('nowhere', at('dangling'));
  await link(at('dangling'), at('dangling too'));
  await run('mkfifo', [at('fifo')]);
  await run('mknod', [at('char'), 'c', '5', '250']);
  await run('mknod', [at('block'), 'b', '250', '4097']);

  const sparse = await open(at('sparse'), 'w');
  await sparse.truncate(64 * 1024 * 1024);
  await sparse.write('middle', 32 * 1024 * 1024);
  await sparse.close();
  await writeFile(at('all holes'), '');
  await run('truncate', ['--size=40M', at('all holes')]);

  await writeFile(at('owned'), 'i');
  await chown(at('owned'), 54_321, 123_456);
  await chmod(at('owned'), 0o6751);
  await writeFile(at('acl'), 'j');
  await run('setfacl', ['--modify=u:4711:rwx,g:815:r', at('acl')]);
  await mkdir(at('acl dir'));
  await run('setfacl', ['--default', '--modify=u:4711:rx', at('acl dir')]);
  await run('setfattr', ['--name=user.note', '--value=0x00ff0a3d', at('acl')]);
  await run('setfattr', ['--name=trusted.note', '--value=t', at('acl dir')]);
  await writeFile(at('capable'), '#!');
  await chown(at('capable'), 33, 33);
  await run('setcap', ['cap_net_raw,cap_sys_admin=ep', at('capable')]);

  await mkdir(at('sticky'));
  await chmod(at('sticky'), 0o1777);
  await mkdir(at('read only'));
  await writeFile(at('read only/inside'), 'k');
  await chmod(at('read only'), 0o555);
  await utimes(at('read only'), 1, 1_234_567_890.123456);
  await writeFile(at('old'), 'l');
  await utimes(at('old'), 5, 5.5);
  for (const directory of ['cache', 'cache [1]*']) {
    await mkdir(at(directory));
    await chmod(at(directory), 0o710);
    await writeFile(at(`${directory}/.hidden`), 'm');
    await mkdir(at(`${directory}/sub`));
    await writeFile(at(`${directory}/sub/file`), 'n');
  }
  await mkdir(at('cache1'));
  await writeFile(at('cache1/stays'), 'o');
};

/** Leaves a socket behind, as daemons do. */
export const makeSocket = async (path: string): Promise<void> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  // Closing removes the name, so it is linked under another first.
  await link(path, `${path}.kept`);
  await new Promise((resolve) => server.close(resolve));
};
