/** Who reads all traffic: whole sessions, and every packet at the first node's network card. */
import { randomBytes } from 'node:crypto';
import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { Cleanup } from '../../../demo/cleanup.ts';
import { Lab } from '../../../demo/lab.ts';
import { exits, startAgent, startGolden } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { labDirectory } from '../../support/lab-directory.ts';
import { MIB, makeSmallGolden } from '../../support/small-golden.ts';

const LISTENER = fileURLToPath(new URL('../support/listener.py', import.meta.url));
const HASH = '$6$somesalt$0123456789abcdefghijklmnopqrstuvwxyz';
const NODES = 2;

/** So many users that packets cannot cut all of their lines. */
const shadow = Array.from({ length: 500 }, (_, index) => `user${index}:${HASH}:19000:0:99999:7:::`);

/** How often a text is in a file. */
const countIn = async (file: string, text: string): Promise<number> => {
  const handle = await open(file, 'r');
  let count = 0;
  let before = '';
  for await (const bytes of handle.createReadStream()) {
    const here = before + bytes.toString('latin1');
    count += here.split(text).length - 1;
    before = here.slice(1 - text.length);
  }
  return count;
};

test.each([
  ['open', false],
  ['trusted', true],
] as const)(
  'in a network that is %s the lines of /etc/shadow can be read: %s',
  async (network, readable) => {
    await using lab = await Lab.create({ nodes: NODES, directory: labDirectory });
    await using cleanup = new Cleanup();
    const golden = await makeSmallGolden(lab, {
      bytes: 64 * MIB,
      fill: async (root) => {
        await writeFile(join(root, 'noise'), randomBytes(4 * MIB));
        await writeFile(join(root, 'etc/shadow'), `${shadow.join('\n')}\n`);
      },
    });
    const heard = join(lab.directory, 'heard');
    const listener = lab.nodes[0]?.start(['python3', LISTENER, 'eth0', heard], { reject: false });
    if (!listener) throw new RangeError('the lab has no node');
    cleanup.add(async () => {
      listener.kill('SIGTERM');
      await listener;
    });
    let said = '';
    listener.stdout?.on('data', (bytes) => {
      said += bytes;
    });
    await eventually('the listener listens', () => said.includes('listening'));
    const disks = await Promise.all(
      Array.from({ length: NODES }, (_, index) =>
        lab.blankDisk(join(lab.directory, `node${index + 1}.img`), 80 * MIB),
      ),
    );
    const what = ['-p', 'sda', golden.description, '--root', golden.root, '--compress', 'none'];
    const session = startGolden(lab, ['-n', String(NODES), ...what, '--network', network]);
    const agents = disks.map((disk, index) =>
      startAgent(lab, index + 1, ['--disk', `sda=${disk}`]),
    );
    expect(await exits(session, ...agents)).toEqual([0, 0, 0]);
    // The stream has come and gone by there: what it heard is all of it.
    expect((await stat(heard)).size).toBeGreaterThan(8 * MIB);
    const count = await countIn(heard, HASH);
    if (readable) expect(count).toBeGreaterThan(100);
    else expect(count).toBe(0);
  },
  120_000,
);
