/** Real disks for these tests: sparse image files and loop devices, cleaned up by `dispose`. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { detachLoop } from '../../../demo/loop-disk.ts';
import { run } from '../../../system/run.ts';

export class Disks implements AsyncDisposable {
  readonly folder: string;
  readonly #loops: string[] = [];
  readonly #mounts: string[] = [];
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Disks> {
    return new Disks(await mkdtemp(join(tmpdir(), 'ka-desc-')));
  }

  /** A sparse file of so many bytes. */
  async file(bytes: number, name = `disk-${this.#count++}.img`): Promise<string> {
    const path = join(this.folder, name);
    const handle = await open(path, 'w');
    await handle.truncate(bytes);
    await handle.close();
    return path;
  }

  /** A loop device over a new sparse file. */
  async loop(bytes: number, sectorBytes = 512, extra: readonly string[] = []): Promise<string> {
    const file = await this.file(bytes);
    const args = ['--find', '--show', '--sector-size', String(sectorBytes), ...extra, file];
    const device = (await run('losetup', args)).stdout.trim();
    this.#loops.push(device);
    return device;
  }

  /** A loop device over an image that is there. */
  async attach(file: string): Promise<string> {
    const device = (await run('losetup', ['--find', '--show', file])).stdout.trim();
    this.#loops.push(device);
    return device;
  }

  async mount(device: string): Promise<string> {
    const point = await mkdtemp(join(this.folder, 'mnt-'));
    await this.mountAt(device, point);
    return point;
  }

  async mountAt(device: string, point: string, options = 'defaults'): Promise<void> {
    await run('mount', ['-o', options, device, point]);
    this.#mounts.push(point);
  }

  async unmount(point: string): Promise<void> {
    await run('umount', [point]);
    this.#mounts.splice(this.#mounts.indexOf(point), 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const point of this.#mounts.reverse()) await run('umount', [point]);
    for (const device of this.#loops) await detachLoop(device);
    await rm(this.folder, { recursive: true });
  }
}
