import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Cleanup } from '../../demo/cleanup.ts';
import { PORTS } from '../../protocol/constants.ts';
import { run } from '../../system/run.ts';
import { eventually } from '../support/eventually.ts';
import { FaultLab, MIB } from './support/fault-lab.ts';
import type { FaultSession, SessionResult } from './support/fault-session.ts';

const NODES = [1, 2, 3];
const FLAGS = ['--ring', '16'];
const ALL_DONE = { node1: 'done', node2: 'done', node3: 'done' };

let faults: FaultLab;

beforeAll(async () => {
  faults = await FaultLab.create({ nodes: NODES.length, mebibytes: 64 });
}, 60_000);

afterAll(() => faults[Symbol.asyncDispose]());

/** Node 2 failed with this, and nobody else was harmed. */
const expectOnlyNode2Failed = async (
  session: FaultSession,
  result: SessionResult,
  code: string,
  message: RegExp,
): Promise<void> => {
  expect(result.results).toEqual({ ...ALL_DONE, node2: 'failed' });
  expect(result.exitCode).toBe(2);
  expect(result.passMs).toHaveLength(1);
  const failure = result.report.nodes.find(({ name }) => name === 'node2')?.failure;
  expect(failure?.code).toBe(code);
  expect(failure?.message).toMatch(message);
  for (const node of [1, 3]) expect(await session.faultsOf(node, result.report)).toEqual([]);
  expect(await Promise.all(NODES.map((node) => session.agentEnd(node)))).toEqual([0, 1, 0]);
};

test('when tar is killed on a node, that node has failed and says so', async () => {
  const session = await faults.start({ flags: FLAGS });
  await session.untilSent(16 * MIB);
  process.kill(await session.tarOf(2), 'SIGKILL');
  const result = await session.end();
  const message = /unpacking \/ failed, tar was killed by SIGKILL/;
  await expectOnlyNode2Failed(session, result, 'SinkFailed', message);
}, 90_000);

test('when the disk of a node is full, that node has failed and says what to do', async () => {
  await using cleanup = new Cleanup();
  const small = join(faults.lab.directory, 'small');
  await mkdir(small);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', small]);
  cleanup.add(() => run('umount', [small]));
  const session = await faults.start({
    flags: FLAGS,
    agentFlags: (node) => (node === 2 ? ['--into', small] : []),
  });
  cleanup.add(() => session.stop());
  const result = await session.end();
  await expectOnlyNode2Failed(session, result, 'TargetFull', /is full: .*give this partition more/);
}, 90_000);

test('when the source fails at its very end, nothing counts as cloned', async () => {
  const bin = join(faults.lab.directory, 'bin');
  await mkdir(bin);
  const tar = join(bin, 'tar');
  await writeFile(tar, '#!/bin/sh\n/usr/bin/tar "$@" || exit\nexit 2\n');
  await chmod(tar, 0o755);
  const path = `PATH=${bin}:${process.env.PATH}`;
  const session = await faults.start({
    flags: FLAGS,
    goldenOn: { argv: (command) => faults.lab.golden.argv(['env', path, ...command]) },
  });
  const result = await session.end();
  expect(result.exitCode).toBe(1);
  expect(Object.values(result.results)).toEqual(['failed', 'failed', 'failed']);
  expect(result.report.failure?.code).toBe('SourceFailed');
  expect(result.report.failure?.message).toContain(`cannot read ${faults.root}: tar exited 2`);
  for (const node of NODES) {
    expect(await session.agentEnd(node)).toBe(1);
    expect(await session.agent(node).text()).toContain(`cannot read ${faults.root}`);
  }
}, 90_000);

/** Starts a script of this folder on a machine of the lab. */
const startScript = (name: string, node: number, args: readonly string[]) => {
  const file = fileURLToPath(new URL(`support/${name}`, import.meta.url));
  return faults.host(node).start([process.execPath, file, ...args], { reject: false });
};

/**
 * Puts the proxy between nodes 2 and 3: in node 3's network, node 2's address
 * is the proxy's, which reaches node 2 by a second address.
 */
const putProxy = async (cleanup: Cleanup) => {
  const second = '10.75.0.112';
  const [upstream, here] = [faults.host(2), faults.host(3)];
  // Only node 3 itself may take that address for its own.
  await here.run(['sysctl', '-q', 'net.ipv4.conf.all.arp_ignore=1']);
  await here.run(['ip', 'address', 'add', `${upstream.address}/32`, 'dev', 'lo']);
  await upstream.run(['ip', 'address', 'add', `${second}/24`, 'dev', 'eth0']);
  const proxy = startScript('damaging-proxy.ts', 3, [upstream.address, second, String(PORTS.data)]);
  cleanup.add(async () => {
    proxy.kill('SIGKILL');
    await proxy;
    await here.run(['ip', 'address', 'delete', `${upstream.address}/32`, 'dev', 'lo']);
    await upstream.run(['ip', 'address', 'delete', `${second}/24`, 'dev', 'eth0']);
  });
  let said = '';
  proxy.stdout?.on('data', (bytes) => {
    said += bytes;
  });
  await eventually('the proxy listens', () => said.includes('ready'));
  return () => said.split('\n');
};

test('flipped, missing and doubled bytes are fetched again; a stranger gets nothing', async () => {
  await using cleanup = new Cleanup();
  const said = await putProxy(cleanup);
  const session = await faults.start({
    flags: FLAGS,
    // On all its addresses, so that the proxy reaches it by the second.
    agentFlags: (node) => (node === 2 ? ['--address', '0.0.0.0'] : []),
  });
  cleanup.add(() => session.stop());
  await session.untilSent(16 * MIB);
  const stranger = await startScript('stranger.ts', 1, [
    faults.host(2).address,
    String(PORTS.data),
    '1',
    '3',
  ]);
  expect(stranger.stdout).toBe('0');
  const result = await session.end();
  expect(said()).toEqual(expect.arrayContaining(['flipped', 'swallowed', 'doubled']));
  expect(result.results).toEqual(ALL_DONE);
  expect(result.exitCode).toBe(0);
  expect(result.decisions).toEqual([]);
  for (const node of NODES) expect(await session.faultsOf(node, result.report)).toEqual([]);
}, 90_000);
