import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PORTS } from '../../protocol/constants.ts';
import { eventually } from '../support/eventually.ts';
import { FaultLab, MIB } from './support/fault-lab.ts';

const NODES = [1, 2, 3];
const ALL_DONE = { node1: 'done', node2: 'done', node3: 'done' };
const FLAGS = ['--ring', '16'];

let faults: FaultLab;

beforeAll(async () => {
  faults = await FaultLab.create({ nodes: NODES.length, mebibytes: 64 });
}, 60_000);

afterAll(() => faults[Symbol.asyncDispose]());

test('a node that comes late has a pass of its own', async () => {
  const early = ['--wait-timeout', '3s', '--min-nodes', '2'];
  const session = await faults.start({ nodes: [1, 2], wanted: 3, flags: [...FLAGS, ...early] });
  await session.untilSent(8 * MIB);
  session.boot(3);
  const result = await session.end();
  expect(result.results).toEqual(ALL_DONE);
  expect(result.exitCode).toBe(0);
  expect(result.passMs).toHaveLength(2);
  for (const node of NODES) expect(await session.faultsOf(node, result.report)).toEqual([]);
}, 90_000);

test('a node that reboots in mid-transfer is told it was given up, and has the next pass', async () => {
  const session = await faults.start({ flags: FLAGS });
  await session.untilSent(16 * MIB);
  session.kill(2);
  await session.agentEnd(2);
  session.boot(2);
  const result = await session.end();
  expect(result.results).toEqual(ALL_DONE);
  expect(result.exitCode).toBe(0);
  expect(result.passMs).toHaveLength(2);
  expect(await session.agent(2).text()).toContain('node2 was given up (control link closed)');
  for (const node of NODES) expect(await session.faultsOf(node, result.report)).toEqual([]);
}, 90_000);

test('one that says hello and goes silent holds up nobody', async () => {
  const early = ['--wait-timeout', '8s', '--min-nodes', '2'];
  const session = await faults.start({ flags: [...FLAGS, ...early], nodes: [1, 3], wanted: 3 });
  await session.untilState(3, 'waiting');
  session.agent(3).kill('SIGSTOP');
  session.boot(2);
  const result = await session.end();
  expect(result.results).toEqual({ ...ALL_DONE, node3: 'lost' });
  expect(result.exitCode).toBe(2);
  for (const node of [1, 2]) expect(await session.faultsOf(node, result.report)).toEqual([]);
}, 90_000);

test('when the golden is killed the nodes stop, say so on the status port, look for it five times and end', async () => {
  const session = await faults.start({ flags: FLAGS });
  await session.untilSent(16 * MIB);
  const { address } = faults.host(1);
  const reader = faults
    .host(1)
    .start(['nc', '-d', address, String(PORTS.status)], { reject: false });
  let heard = '';
  reader.stdout?.on('data', (bytes) => {
    heard += bytes;
  });
  await eventually('the status port answers', () => heard.includes('node1 online'));
  const tar = await session.tarOf(1);
  const killedMs = Date.now();
  session.golden.kill('SIGKILL');
  for (const node of NODES) expect(await session.agentEnd(node)).toBe(1);
  // Five tries, two seconds apart, and some time to notice.
  expect(Date.now() - killedMs).toBeLessThan(30_000);
  await reader;
  expect(heard).toMatch(/the golden was lost: .*; looking for it again/);
  expect(heard).toContain('(Try 5/5)');
  expect(heard).toContain("Can't reach a valid KA server");
  expect(() => process.kill(tar, 0)).toThrow('ESRCH');
}, 90_000);
