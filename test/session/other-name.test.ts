import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Lab } from '../../demo/lab.ts';
import { run } from '../../system/run.ts';
import { exits, readEvents, readReport, startAgent, startGolden } from '../support/cluster.ts';
import { labDirectory } from '../support/lab-directory.ts';
import { MIB, makeSmallGolden, type SmallGolden } from '../support/small-golden.ts';

let lab: Lab;
let golden: SmallGolden;

beforeAll(async () => {
  lab = await Lab.create({ nodes: 1, directory: labDirectory });
  golden = await makeSmallGolden(lab, {
    bytes: 64 * MIB,
    fill: (root) => writeFile(join(root, 'data'), Buffer.alloc(MIB, 'data')),
  });
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const hashOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
};

const start = (device: string) => {
  const session = startGolden(lab, ['-p', 'sda', golden.description, '--root', golden.root]);
  // Its disk is called as this kernel calls it, and not as described.
  const name = device.replace('/dev/', '');
  const there = ['--golden', lab.golden.address, '--disk', `${name}=${device}`];
  return { session, agent: startAgent(lab, 1, there) };
};

test('a blank disk of another name is cloned to, and so it is again: it was written by ka', async () => {
  const device = await lab.blankDisk(join(lab.directory, 'blank.img'), 80 * MIB);
  const name = device.replace('/dev/', '');
  for (const what of ['blank', 'written by ka']) {
    const { session, agent } = start(device);
    expect(await exits(session, agent)).toEqual([0, 0]);
    const waiting = (await readEvents(session)).find(
      (event) => event.kind === 'node' && event.state === 'waiting',
    );
    expect(waiting).toMatchObject({ why: `its ${name} (${what}) is taken as sda` });
    const [node] = (await readReport(lab)).nodes;
    expect(node?.steps.find(({ step }) => step === 'check disk')?.detail).toBe(`${device} as sda`);
    expect(await agent.text()).toContain(`check disk: finish (${device} as sda)`);
  }
}, 120_000);

test('one with data on it is refused and left as it was, and the choice is named', async () => {
  const image = join(lab.directory, 'data.img');
  const device = await lab.blankDisk(image, 80 * MIB);
  await run('mkfs.ext4', ['-q', device]);
  await run('blockdev', ['--flushbufs', device]);
  const before = await hashOf(image);
  const { session, agent } = start(device);
  expect([await session.ended, await agent.ended]).toEqual([1, 1]);
  const name = device.replace('/dev/', '');
  const line = `this node has no disk sda, but ${name}: 80 MiB, not blank: ext4; say which one with disk=sda:${name} on its kernel line`;
  expect((await readReport(lab)).nodes[0]?.failure?.message).toContain(line);
  expect(await agent.text()).toContain(line);
  await run('blockdev', ['--flushbufs', device]);
  expect(await hashOf(image)).toBe(before);
});
