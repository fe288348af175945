/** Starts and hears one process of ka's chain on a machine of the lab. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LabHost } from '../demo/lab.ts';
import { NamedError } from '../system/named-error.ts';
import { runtimeCommand, runtimeEnvironment } from '../system/runtime.ts';
import { ChainReport, type HopRequest, type OriginRequest } from './chain-messages.ts';

type Type = ChainReport['type'];
type Of<T extends Type> = Extract<ChainReport, { type: T }>;

/** Time for a process that was let go to end by itself. */
const END_MS = 5000;

export class ChainProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #heard: ChainReport[] = [];
  readonly #exited: Promise<void>;
  #failure: Error | null = null;
  #wake: () => void = () => undefined;
  readonly #signal: AbortSignal;

  /** `program` is the name of a bundle in dist/. */
  constructor(host: LabHost, program: 'bench-hop' | 'bench-origin', signal: AbortSignal) {
    const path = fileURLToPath(new URL(`../dist/${program}.js`, import.meta.url));
    const [file, ...args] = host.argv(runtimeCommand(path));
    this.#signal = signal;
    this.#child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, ...runtimeEnvironment },
    });
    this.#child.on('message', (message) => this.#hear(message, host.name));
    this.#child.on('error', (error) => this.#fail(error));
    this.#exited = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.on('exit', (code, killedBy) => {
      const how = `${program} on ${host.name} ended early (${killedBy ?? code})`;
      this.#fail(new NamedError('ChainFailed', how));
    });
    signal.addEventListener('abort', this.#aborted, { once: true });
  }

  tell(request: HopRequest | OriginRequest): void {
    this.#child.send(request);
  }

  /** Its first report of this type. Rejects `ChainFailed`, `Aborted`. */
  async report<T extends Type>(type: T): Promise<Of<T>> {
    for (;;) {
      this.#signal.throwIfAborted();
      const found = this.#heard.find((report): report is Of<T> => report.type === type);
      if (found) return found;
      if (this.#failure !== null) throw this.#failure;
      const { promise, resolve } = Promise.withResolvers<void>();
      const others = this.#wake;
      this.#wake = () => {
        others();
        resolve();
      };
      await promise;
    }
  }

  /** What went wrong and was repaired so far. */
  get troubles(): string[] {
    return this.#heard.flatMap((report) => (report.type === 'trouble' ? [report.message] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#aborted);
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    await this.#exited;
    clearTimeout(late);
  }

  readonly #aborted = (): void => this.#fail(this.#signal.reason);

  #hear(message: unknown, name: string): void {
    const report = ChainReport.parse(message);
    if (report.type === 'failed') {
      this.#fail(new NamedError('ChainFailed', `ka's chain on ${name}: ${report.message}`));
      return;
    }
    this.#heard.push(report);
    this.#rouse();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#rouse();
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = () => undefined;
    wake();
  }
}
