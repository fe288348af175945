/** Goldens made of real loop disks and mounts, and the plans made of them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { attachLoop, detachLoop, makeBlankImage, showPartitions } from '../../../demo/loop-disk.ts';
import { type Blueprint, type BlueprintOptions, makeBlueprint } from '../../../golden/blueprint.ts';
import { NamedError } from '../../../system/named-error.ts';
import { run } from '../../../system/run.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';

export const MIB = 1024 * 1024;

export class GoldenBench implements AsyncDisposable {
  readonly #temp: TempDir;
  readonly #loops: string[] = [];
  readonly #mounts: string[] = [];

  private constructor(temp: TempDir) {
    this.#temp = temp;
  }

  static async create(): Promise<GoldenBench> {
    const bench = new GoldenBench(await makeTempDir());
    await mkdir(bench.root);
    return bench;
  }

  /** Directory of the system to clone. */
  get root(): string {
    return join(this.#temp.path, 'root');
  }

  /** A loop disk with this table (for sfdisk); without one it is blank. */
  async disk(bytes: number, table?: string): Promise<string> {
    const image = join(this.#temp.path, `disk${this.#loops.length}.img`);
    await makeBlankImage(image, bytes);
    if (table !== undefined) await run('sfdisk', ['--quiet', image], { input: table });
    const device = await attachLoop(image);
    this.#loops.push(device);
    if (table !== undefined) await showPartitions(device);
    return device;
  }

  /** Mounts a device, or with `--bind` a directory of the system, at a path of the system. */
  async mount(what: string, path: string, ...options: string[]): Promise<void> {
    const directory = path === '/' ? this.root : join(this.root, path);
    await mkdir(directory, { recursive: true });
    await run('mount', [...options, what, directory]);
    this.#mounts.push(directory);
  }

  async unmount(): Promise<void> {
    for (const directory of this.#mounts.splice(0).reverse()) await run('umount', [directory]);
  }

  /** A file of the system. */
  async write(path: string, text: string): Promise<void> {
    const file = join(this.root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  /** A file beside the system: a description. */
  async file(name: string, text: string | Buffer): Promise<string> {
    const file = join(this.#temp.path, name);
    await writeFile(file, text);
    return file;
  }

  plan(options: Partial<BlueprintOptions> = {}): Promise<Blueprint> {
    return makeBlueprint(
      {
        root: this.root,
        network: 'open',
        descriptions: [],
        exclude: [],
        skipDevices: undefined,
        rawPartitions: [],
        bootCodeOf: [],
        bootCodeFiles: [],
        bootloader: 'none',
        mayCompress: false,
        ...options,
      },
      new AbortController().signal,
    );
  }

  /** "Code: message" a plan is refused with. */
  async refusal(options: Partial<BlueprintOptions> = {}): Promise<string> {
    try {
      await this.plan(options);
    } catch (error) {
      if (!(error instanceof NamedError)) throw error;
      return `${error.code}: ${error.message.replaceAll(this.#temp.path, '')}`;
    }
    throw new Error('expected a refusal, but there was a plan');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
    for (const loop of this.#loops) await detachLoop(loop);
    await this.#temp[Symbol.asyncDispose]();
  }
}

/** What each stream reads, and where it goes: "/home → loop0 2". */
export const streamsOf = ({ sources }: Blueprint): string[] =>
  sources.map(({ plan }) => {
    const { disk, partition } = plan as unknown as { disk: string; partition: number };
    return `${plan.name} → ${disk.replace(/^loop\d+$/, 'disk')} ${partition}`;
  });

/** The lines of the plan below a title. */
export const section = ({ summary }: Blueprint, title: string): string[] => {
  const start = summary.findIndex((line) => line.startsWith(title));
  const lines = summary.slice(start + 1);
  const end = lines.findIndex((line) => !line.startsWith('    '));
  return start === -1
    ? []
    : lines.slice(0, end === -1 ? undefined : end).map((line) => line.trim());
};

export const warningsOf = ({ summary }: Blueprint): string[] =>
  summary.flatMap((line) => (line.startsWith('Warning: ') ? [line.slice(9)] : []));
