/**
 * What rsync sees of the golden: its trees in a mount namespace of their own, in
 * which no link is followed and nothing appears that is mounted later. Without
 * that a member could name a file by a link to it, past every pattern.
 */
import { mkdirSync, realpathSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Mount, readMounts } from '../desc/mounts.ts';
import { toFailure } from '../protocol/failure.ts';
import { rsyncHidden } from '../streams/exclude.ts';
import { type SettleServer, settleModuleName } from '../streams/settle-server.ts';
import { PRIVATE_FILE } from '../system/private-files.ts';
import { run } from '../system/run.ts';
import { makeRuntimeDirectory } from '../system/runtime-directory.ts';
import { btrfsSubvolumes } from './btrfs-subvolumes.ts';
import { MountNamespace } from './mount-namespace.ts';
import { secretPlaces } from './own-secrets.ts';
import { isAtOrIn, mountOf, otherMountsIn, placesOf, subvolumesIn } from './visible-places.ts';

export interface SettleTree {
  /** Mount point on the node. */
  mount: string;
  /** Directory on the golden. */
  path: string;
  /** Directories in it whose contents are not for nodes, as paths from it; "" = all of it. */
  excluded: readonly string[];
}

interface Shown {
  /** Without links. */
  source: string;
  /** Where rsync finds it. */
  place: string;
  /** What is in it and not for nodes, as paths from it. */
  hidden: readonly string[];
  /** Mounts in it that belong to it, as paths from it: they show parts of the same file system. */
  parts: readonly string[];
}

const LINKS_STAY = 'remount,bind,ro,nosymfollow';

export class SettleView {
  /** For whatever else rsync reads, with plain names; removed with the view, when it is empty. */
  readonly directory: string;
  readonly modules: SettleServer['modules'];
  /** Why links are followed after all; undefined = they are not. */
  readonly weakness: string | undefined;
  readonly #namespace: MountNamespace | undefined;

  private constructor(
    directory: string,
    modules: SettleServer['modules'],
    namespace: MountNamespace | undefined,
    weakness: string | undefined,
  ) {
    this.directory = directory;
    this.modules = modules;
    this.weakness = weakness;
    this.#namespace = namespace;
  }

  /**
   * Looks at what is mounted now, and which subvolumes there are. Throws when there is
   * no place for its files, or when it cannot find out what to hide.
   */
  static async open(trees: readonly SettleTree[]): Promise<SettleView> {
    const directory = makeRuntimeDirectory('settle');
    const shown = await allToShow(trees, directory).catch((error: unknown) => {
      rmdirSync(directory);
      throw error;
    });
    const modules = trees.map(({ mount }, index) => {
      const hiddenFile = join(directory, `hidden-${index}`);
      const { place, hidden } = shown[index] ?? { place: '', hidden: [''] };
      mkdirSync(place);
      writeFileSync(hiddenFile, rsyncHidden(hidden), { mode: PRIVATE_FILE });
      return { name: settleModuleName(mount), path: place, hiddenFile };
    });
    try {
      const namespace = await showAll(shown);
      return new SettleView(directory, modules, namespace, undefined);
    } catch (error) {
      // The patterns still hold for everything that is named by its own path.
      for (const { source, place } of shown) {
        rmdirSync(place);
        symlinkSync(source, place);
      }
      return new SettleView(directory, modules, undefined, toFailure(error).message);
    }
  }

  /** The command line that runs this command where the trees are seen. */
  argv(command: readonly [string, ...string[]]): [string, ...string[]] {
    return this.#namespace?.argv(command) ?? [...command];
  }

  /** To be called when nothing runs in it any more. */
  close(): void {
    this.#namespace?.[Symbol.dispose]();
    // Never recursively: should a tree be seen here, it would be the golden itself.
    for (const { path, hiddenFile } of this.modules) {
      rmSync(hiddenFile);
      if (this.#namespace) rmdirSync(path);
      else rmSync(path);
    }
    rmdirSync(this.directory);
  }
}

const allToShow = async (trees: readonly SettleTree[], directory: string): Promise<Shown[]> => {
  const mounts = await readMounts();
  const secrets = [...(await secretPlaces(mounts)), ...placesOf(directory, mounts)];
  return Promise.all(
    trees.map((tree, index) => whatToShow(tree, join(directory, `tree-${index}`), mounts, secrets)),
  );
};

/** Subvolumes and snapshots in it: they have modules of their own, or are not for nodes. */
const nestedIn = async (source: string, mounts: readonly Mount[]): Promise<string[]> => {
  if (mountOf(source, mounts)?.type !== 'btrfs') return [];
  const subvolumes = await btrfsSubvolumes(source);
  return subvolumesIn(
    source,
    mounts,
    subvolumes.map(({ path }) => path),
  );
};

const whatToShow = async (
  { path, excluded }: SettleTree,
  place: string,
  mounts: readonly Mount[],
  secrets: readonly string[],
): Promise<Shown> => {
  const source = realpathSync(path);
  const below = (directories: readonly string[]): string[] =>
    directories
      .filter((directory) => isAtOrIn(directory, source))
      .map((directory) => (directory === source ? '' : `/${relative(source, directory)}`));
  const others = otherMountsIn(source, mounts);
  const nested = await nestedIn(source, mounts);
  const hidden = [...excluded, ...below([...secrets, ...others, ...nested])];
  const own = mounts.map(({ mount }) => mount).filter((mount) => !others.includes(mount));
  const isHidden = (part: string): boolean => hidden.some((directory) => isAtOrIn(part, directory));
  const parts = below(own).filter((part) => part !== '' && !isHidden(part));
  return { source, place, hidden: [...new Set(hidden)], parts: [...new Set(parts)] };
};

/** Throws what keeps it from being done; then the places are as empty as before. */
const showAll = async (shown: readonly Shown[]): Promise<MountNamespace> => {
  const namespace = await MountNamespace.make();
  const mount = (...args: string[]) => {
    const [command, ...rest] = namespace.argv(['mount', ...args]);
    return run(command, rest);
  };
  try {
    for (const { source, place, parts } of shown) {
      // With what is mounted in it: those directories have the attributes nodes know.
      await mount('--rbind', source, place);
      for (const part of ['', ...parts]) await mount('-o', LINKS_STAY, `${place}${part}`);
    }
    return namespace;
  } catch (error) {
    namespace[Symbol.dispose]();
    throw error;
  }
};
