/** A mount namespace of our own that ends with this process, whatever ends that. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { NamedError } from '../system/named-error.ts';

/** Some milliseconds on any machine that is not in trouble. */
const READY_MS = 10_000;

export class MountNamespace implements Disposable {
  readonly #holder: ChildProcessByStdio<Writable, Readable, Readable>;

  private constructor(holder: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#holder = holder;
  }

  /**
   * Has everything that is mounted now. Throws `NoNamespace` where this process
   * may not make one.
   */
  static async make(): Promise<MountNamespace> {
    // A cat ends when nobody can write to it any more: with us, or before.
    const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'cat']);
    let complaint = '';
    holder.stderr.on('data', (data: Buffer) => {
      complaint = (complaint + data.toString()).slice(-200);
    });
    holder.stdin.on('error', () => holder.kill('SIGKILL'));
    const ended = once(holder, 'close').then(
      () => complaint.trim() || 'unshare ended at once',
      (error: Error) => error.message,
    );
    const tooLate = new AbortController();
    const { signal } = tooLate;
    // What it gives back shows that it is there, in its own namespace.
    holder.stdin.write('\n');
    const ready = once(holder.stdout, 'data', { signal }).then(() => undefined);
    const late = sleep(READY_MS, 'it takes too long', { signal });
    for (const waiting of [ready, late]) waiting.catch(() => undefined);
    const why = await Promise.race([ready, ended, late]);
    tooLate.abort();
    if (why === undefined) return new MountNamespace(holder);
    holder.kill('SIGKILL');
    throw new NamedError('NoNamespace', `no mount namespace can be made: ${why}`);
  }

  /** The command line that runs this command there, in the same root and with the same streams. */
  argv(command: readonly string[]): [string, ...string[]] {
    const target = ['--target', String(this.#holder.pid), '--mount', '--root', '--wd'];
    return ['nsenter', ...target, '--', ...command];
  }

  [Symbol.dispose](): void {
    this.#holder.kill('SIGKILL');
  }
}
