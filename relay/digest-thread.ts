/** The other end of `digest-worker.ts`: one thread for each pass in an open network. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { NamedError } from '../system/named-error.ts';
import type { DigestReply, DigestRequest } from './digest-messages.ts';

/** Beside this file in whatever form this runs: sources, dist/, a boot image. */
const PROGRAM = new URL(`./digest-worker${extname(import.meta.url)}`, import.meta.url);

interface Asked {
  resolve(reply: DigestReply): void;
  reject(error: NamedError): void;
}

/** What it is asked for it does one after the other. Once it has failed everything rejects `DigestFailed`. */
export class DigestThread {
  readonly #worker: Worker;
  readonly #asked: Asked[] = [];
  #failure: NamedError | null = null;

  /** `ring`: all of a ring's memory, which must be shared. `program` only for tests. */
  constructor(ring: Buffer, program: URL = PROGRAM) {
    this.#worker = new Worker(program, { workerData: ring.buffer, name: 'ka digests' });
    this.#worker.on('message', (reply: DigestReply) => this.#hear(reply));
    this.#worker.on('error', (error: Error) => this.#fail(error.message));
    this.#worker.on('exit', () => this.#fail('it has ended'));
  }

  /** Begins the digest of the next stream. */
  begin(binding: Buffer): void {
    if (this.#failure === null) this.#tell({ type: 'begin', binding });
  }

  /** Adds bytes of the ring, which must stay as they are until this resolves. */
  async take(pieces: readonly Buffer[]): Promise<void> {
    const places = pieces.map(({ byteOffset, length }) => ({ offset: byteOffset, bytes: length }));
    await this.#ask({ type: 'take', pieces: places });
  }

  /** SHA-256 of the stream, in hex. */
  async end(): Promise<string> {
    const reply = await this.#ask({ type: 'end' });
    if (reply.type === 'digest') return reply.sha256;
    throw this.#fail('it answered something else');
  }

  /** Resolves when it has ended, and so let go of the ring's memory. */
  async close(): Promise<void> {
    this.#fail('it was closed');
    await this.#worker.terminate();
  }

  #tell(request: DigestRequest): void {
    this.#worker.postMessage(request);
  }

  #ask(request: DigestRequest): Promise<DigestReply> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#tell(request);
    });
  }

  #hear(reply: DigestReply): void {
    if (reply.type === 'failed') this.#fail(reply.message);
    else this.#asked.shift()?.resolve(reply);
  }

  #fail(why: string): NamedError {
    this.#failure ??= new NamedError(
      'DigestFailed',
      `the thread that sums up streams failed: ${why}; try again, and look at the memory of this machine`,
    );
    for (const { reject } of this.#asked.splice(0)) reject(this.#failure);
    return this.#failure;
  }
}
