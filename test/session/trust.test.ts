import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { kaCommand } from '../../demo/ka-process.ts';
import { Lab, type LabHost } from '../../demo/lab.ts';
import {
  exits,
  readEvents,
  startAgent,
  startGolden,
  startOn,
  startSearching,
} from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { labDirectory } from '../support/lab-directory.ts';

let lab: Lab;
let whatToClone: string[];
let targets = 0;

beforeAll(async () => {
  lab = await Lab.create({ nodes: 3, directory: labDirectory });
  const root = join(lab.directory, 'golden');
  await mkdir(root);
  await writeFile(join(root, 'data'), 'golden\n');
  const description = join(lab.directory, 'description.json');
  const partition = { size: 'fill', filesystem: 'ext4', mount: '/' };
  const disks = [{ name: 'sda', table: 'msdos', partitions: [partition] }];
  await writeFile(description, JSON.stringify({ disks }));
  whatToClone = ['-p', 'sda', description, '--root', root, '--compress', 'none'];
}, 60_000);

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const makeTarget = async (): Promise<string> => {
  targets += 1;
  const into = join(lab.directory, `into${targets}`);
  await mkdir(into);
  return into;
};

const expectCloned = async (into: string): Promise<void> => {
  expect(await readFile(join(into, 'data'), 'utf8')).toBe('golden\n');
};

/** A program on a terminal of its own, on a machine of the lab. */
class Terminal {
  readonly #host: LabHost;
  readonly #socket: string;

  constructor(host: LabHost) {
    this.#host = host;
    this.#socket = join(lab.directory, `${host.name}.tmux`);
  }

  async start(args: readonly string[]): Promise<void> {
    const state = `KA_STATE_DIR=${join(lab.directory, `${this.#host.name}-state`)}`;
    const size = ['-x', '100', '-y', '30'];
    await this.#tmux('new-session', '-d', ...size, '--', 'env', state, ...kaCommand(args));
  }

  /** What stands on it now. */
  async text(): Promise<string> {
    const { stdout } = await this.#tmux('capture-pane', '-p');
    return stdout;
  }

  async press(...keys: string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  shows(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(
      `${this.#host.name} shows ${pattern}`,
      async () => pattern.exec(await this.text()) ?? undefined,
      30_000,
    );
  }

  #tmux(...args: string[]) {
    return this.#host.run(['tmux', '-f', '/dev/null', '-S', this.#socket, ...args]);
  }
}

describe('a node without a secret', () => {
  test('asks, shows the code the board shows, and is in when both sides have said yes', async () => {
    const into = await makeTarget();
    const [first] = lab.nodes;
    if (!first) throw new RangeError('a lab without nodes');
    const board = new Terminal(lab.golden);
    const { address } = lab.golden;
    const session = ['--session', 'test', '--address', address, '--yes', '-n', '1'];
    const report = join(lab.directory, 'report.json');
    await board.start(['golden', ...session, '--report', report, ...whatToClone]);
    await board.shows(/waiting for nodes/);
    const node = new Terminal(first);
    const who = ['--name', first.name, '--address', first.address, '--no-reboot'];
    await node.start(['agent', ...who, '--into', into]);
    const [, own] = await node.shows(/Its code: (\d{3} \d{3})/);
    const [, shown] = await board.shows(/\? (\d{3} \d{3}) +node1 \(10\.75\.0\.11/);
    expect(shown).toBe(own);
    await board.press('a');
    await board.shows(new RegExp(`Its own screen must show ${own}`));
    await board.press('y');
    await board.shows(/its own side has not said yes yet/);
    await node.press('y', 'Enter');
    await eventually(
      'the report',
      async () => (await readFile(report, 'utf8').catch(() => '')).includes('"exitCode": 0'),
      30_000,
    );
    await expectCloned(into);
  }, 90_000);

  test('is listed by ka requests and let in by ka admit; a wrong code lets nobody in', async () => {
    const into = await makeTarget();
    const session = startGolden(lab, ['-n', '1', ...whatToClone]);
    const [, second] = lab.nodes;
    if (!second) throw new RangeError('a lab without a second node');
    const node = new Terminal(second);
    const who = ['--name', second.name, '--address', second.address, '--no-reboot'];
    await node.start(['agent', ...who, '--into', into]);
    const [, code = ''] = await node.shows(/Its code: (\d{3} \d{3})/);
    const requests = startOn(lab.golden, lab, ['requests']);
    expect(await exits(requests)).toEqual([0]);
    expect(await requests.text()).toMatch(new RegExp(`^${code}  node2  10\\.75\\.0\\.12  `));
    const digits = code.replace(' ', '');
    const wrong = startOn(lab.golden, lab, ['admit', digits === '000000' ? '000001' : '000000']);
    expect(await wrong.ended).toBe(1);
    expect(await wrong.text()).toContain('no machine shows the code');
    expect(await exits(startOn(lab.golden, lab, ['admit', digits]))).toEqual([0]);
    await node.press('y', 'Enter');
    expect(await exits(session)).toEqual([0]);
    await expectCloned(into);
  }, 90_000);
});

test('sessions that take anybody are joined by nodes that join any', async () => {
  const into = await makeTarget();
  const session = startGolden(lab, ['-n', '1', '--admit', 'open', ...whatToClone]);
  const agent = startSearching(lab, 1, ['--into', into]);
  expect(await exits(session, agent)).toEqual([0, 0]);
  await expectCloned(into);
}, 60_000);

test('a golden that is killed and started again knows its nodes', async () => {
  const [first, second] = [await makeTarget(), await makeTarget()];
  const flags = ['-n', '2', ...whatToClone];
  const killed = startGolden(lab, flags);
  const early = startAgent(lab, 1, ['--into', first]);
  await eventually('node1 is in', async () => (await killed.text()).includes('"waiting"'), 30_000);
  killed.kill('SIGKILL');
  await killed.ended;
  const session = startGolden(lab, flags);
  const late = startAgent(lab, 2, ['--into', second]);
  expect(await exits(session, early, late)).toEqual([0, 0, 0]);
  const warnings = (await readEvents(session)).flatMap((event) =>
    event.kind === 'log' ? [event.message] : [],
  );
  expect(warnings).toContain(
    'this session was not ended before: 1 nodes admitted then are let in again',
  );
  await expectCloned(first);
  await expectCloned(second);
}, 90_000);
