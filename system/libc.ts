/**
 * What of libc Node does not have itself. It is called through node:ffi, which
 * is experimental, may be forbidden (`--permission`) and is missing in older
 * Nodes: `libc` is null then, and whoever uses it has a slower way.
 */
import process from 'node:process';

const FUNCTIONS = {
  pipe2: { arguments: ['pointer', 'int32'], return: 'int32' },
  fcntl: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
  flock: { arguments: ['int32', 'int32'], return: 'int32' },
  setsockopt: {
    arguments: ['int32', 'int32', 'int32', 'pointer', 'int32'],
    return: 'int32',
  },
  // Their lengths and results are wider, but here never more than some MiB.
  vmsplice: { arguments: ['int32', 'pointer', 'int32', 'uint32'], return: 'int32' },
  splice: {
    arguments: ['int32', 'pointer', 'int32', 'pointer', 'int32', 'uint32'],
    return: 'int32',
  },
  // glibc and musl keep errno there, one for each thread.
  __errno_location: { arguments: [], return: 'pointer' },
} as const;

const open = () => {
  const ffi = process.getBuiltinModule('node:ffi');
  if (!ffi) return null;
  try {
    const { functions } = ffi.dlopen(null, FUNCTIONS);
    return {
      /** Results are -1 where the system refused. */
      ...functions,
      /** Why the call just before refused: a number of errno(3). */
      lastError: (): number => ffi.getInt32(functions.__errno_location()),
      /** Memory the collector never moves, so that its address can be kept, and that address. */
      fixedMemory: (bytes: number): { memory: ArrayBuffer; address: bigint } => {
        const memory = new ArrayBuffer(bytes);
        return { memory, address: ffi.getRawPointer(memory) };
      },
      /** Where the bytes of `memory` lie now; they stay there while it is held. */
      addressOf: (memory: Buffer): bigint => ffi.getRawPointer(memory),
    };
  } catch {
    // However it refuses, now or in a later Node, the slower ways do the work.
    return null;
  }
};

export const libc = open();

export type Libc = NonNullable<typeof libc>;

/**
 * Where bytes lie; they stay there while their memory is held. Remembers the
 * memory it was asked for last: one call less for each piece of a ring.
 */
export class AddressBook {
  readonly #calls: Pick<Libc, 'addressOf'>;
  #memory: ArrayBufferLike | null = null;
  #start = 0n;

  constructor(calls: Pick<Libc, 'addressOf'>) {
    this.#calls = calls;
  }

  of(piece: Buffer): bigint {
    const offset = BigInt(piece.byteOffset);
    if (piece.buffer !== this.#memory) {
      this.#memory = piece.buffer;
      this.#start = this.#calls.addressOf(piece) - offset;
    }
    return this.#start + offset;
  }
}
