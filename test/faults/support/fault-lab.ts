/**
 * A lab for faults: one golden tree of random bytes and directory nodes, all in
 * memory, on slow links, so that a session takes seconds and disks have no say
 * in it. One lab serves several sessions, one after the other.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTree, type Tree } from '../../../demo/compare.ts';
import { Lab, type LabHost } from '../../../demo/lab.ts';
import { run } from '../../../system/run.ts';
import { labDirectory } from '../../support/lab-directory.ts';
import { FaultSession, type FaultSessionOptions } from './fault-session.ts';

export const MIB = 1024 * 1024;
export const LINK_MBIT = 200;
const FILE_BYTES = 4 * MIB;

export interface FaultLabOptions {
  nodes: number;
  /** Size of the golden's data. */
  mebibytes: number;
}

export class FaultLab implements AsyncDisposable {
  readonly lab: Lab;
  /** Where the golden's system is. */
  readonly root: string;
  /** Flags of `ka golden` that say what to clone. */
  readonly what: readonly string[];
  readonly tree: Tree;
  #session: FaultSession | undefined;

  private constructor(lab: Lab, root: string, description: string, tree: Tree) {
    this.lab = lab;
    this.root = root;
    this.what = ['-p', 'sda', description, '--root', root];
    this.tree = tree;
  }

  static async create({ nodes, mebibytes }: FaultLabOptions): Promise<FaultLab> {
    const lab = await Lab.create({ nodes, directory: labDirectory, megabitsPerSecond: LINK_MBIT });
    try {
      const memory = join(lab.directory, 'memory');
      await mkdir(memory);
      await run('mount', ['-t', 'tmpfs', 'none', memory]);
      const root = join(memory, 'golden');
      await mkdir(join(root, 'files'), { recursive: true });
      for (let index = 0; index * FILE_BYTES < mebibytes * MIB; index += 1) {
        await writeFile(join(root, 'files', `f${index}`), randomBytes(FILE_BYTES));
      }
      const description = join(lab.directory, 'description.json');
      const partition = { size: 'fill', filesystem: 'ext4', mount: '/' };
      const disk = { name: 'sda', table: 'msdos', partitions: [partition] };
      await writeFile(description, JSON.stringify({ disks: [disk] }));
      return new FaultLab(lab, root, description, await readTree(root));
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  host(node: number): LabHost {
    const host = this.lab.nodes[node - 1];
    if (!host) throw new RangeError(`the lab has no node ${node}`);
    return host;
  }

  /** Where node `node` clones to, unless a test gives it another place. */
  target(node: number): string {
    return join(this.lab.directory, 'memory', `node${node}`);
  }

  /**
   * Starts `ka golden` and the agents of all nodes (or `nodes`), with empty
   * targets. What a failed test has left running ends first.
   */
  async start(options: FaultSessionOptions = {}): Promise<FaultSession> {
    await this.#session?.stop();
    for (const [index, { name }] of this.lab.nodes.entries()) {
      await rm(this.target(index + 1), { recursive: true, force: true });
      await mkdir(this.target(index + 1));
      await rm(join(this.lab.directory, `${name}-agent.log`), { force: true });
    }
    await rm(join(this.lab.directory, 'golden-golden.log'), { force: true });
    await rm(join(this.lab.directory, 'report.json'), { force: true });
    this.#session = FaultSession.start(this, options);
    return this.#session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.stop();
    await this.lab[Symbol.asyncDispose]();
  }
}
