/**
 * Memory given to a socket without copying it: vmsplice(2) puts references to
 * its pages into a pipe, splice(2) moves them to the socket.
 */
import { closeSync, constants, readSync } from 'node:fs';
import { AddressBook, type Libc, libc } from './libc.ts';
import { NamedError } from './named-error.ts';

/** fcntl.h of Linux; node:fs does not name them. */
const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const SPLICE_F_NONBLOCK = 2;

/** The most a pipe may hold without privileges (/proc/sys/fs/pipe-max-size). */
const PIPE_BYTES = 1024 * 1024;

export class PagePipe {
  readonly #libc: Libc;
  readonly #reader: number;
  readonly #writer: number;
  /** struct iovec: address and length. */
  readonly #iovec: ReturnType<Libc['fixedMemory']>;
  readonly #fields: BigUint64Array;
  readonly #addresses: AddressBook;
  readonly #byte = Buffer.alloc(1);
  #held = 0;

  private constructor(calls: Libc) {
    this.#libc = calls;
    this.#iovec = calls.fixedMemory(16);
    this.#fields = new BigUint64Array(this.#iovec.memory);
    this.#addresses = new AddressBook(calls);
    const ends = new Int32Array(2);
    if (calls.pipe2(ends, constants.O_NONBLOCK | O_CLOEXEC) !== 0) {
      throw new NamedError('PipeFailed', 'no pipe could be opened; raise the limit of open files');
    }
    [this.#reader = -1, this.#writer = -1] = ends;
    // Where many share the system's allowance it stays smaller, which only costs more calls.
    calls.fcntl(this.#writer, F_SETPIPE_SZ, PIPE_BYTES);
  }

  /** Null where the system's calls cannot be called. Throws `PipeFailed`. */
  static open(): PagePipe | null {
    return libc && new PagePipe(libc);
  }

  /** Bytes in the pipe. */
  get held(): number {
    return this.#held;
  }

  /**
   * Puts the start of `memory` in, and returns how many bytes: 0 when the pipe
   * is full, or the system does not do this at all. The memory must stay as it
   * is until whoever reads the socket has it.
   */
  fill(memory: Buffer): number {
    this.#fields[0] = this.#addresses.of(memory);
    this.#fields[1] = BigInt(memory.length);
    const result = this.#libc.vmsplice(this.#writer, this.#iovec.address, 1, SPLICE_F_NONBLOCK);
    const taken = Math.max(0, result);
    this.#held += taken;
    return taken;
  }

  /**
   * Moves what is in the pipe to a socket, as far as that takes it. A socket
   * that failed takes nothing either; a write to it tells why.
   */
  pour(descriptor: number): void {
    while (this.#held > 0) {
      const moved = this.#libc.splice(
        this.#reader,
        null,
        descriptor,
        null,
        this.#held,
        SPLICE_F_NONBLOCK,
      );
      if (moved <= 0) return;
      this.#held -= moved;
    }
  }

  /** Takes the first byte out again. */
  dropByte(): void {
    this.#held -= readSync(this.#reader, this.#byte, 0, 1, null);
  }

  close(): void {
    closeSync(this.#reader);
    closeSync(this.#writer);
  }
}
