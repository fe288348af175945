/** What of libc Node does not have itself. Results are -1 where the system refused. */
import ffi from 'node:ffi';

export const { functions: libc } = ffi.dlopen(null, {
  pipe2: { arguments: ['pointer', 'int32'], return: 'int32' },
  fcntl: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
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
});

/** Memory the collector never moves, so that its address can be kept, and that address. */
export const fixedMemory = (bytes: number): { memory: ArrayBuffer; address: bigint } => {
  const memory = new ArrayBuffer(bytes);
  return { memory, address: ffi.getRawPointer(memory) };
};

/**
 * Where bytes lie; they stay there while their memory is held. Remembers the
 * memory it was asked for last: one call less for each piece of a ring.
 */
export class AddressBook {
  #memory: ArrayBufferLike | null = null;
  #start = 0n;

  of(piece: Buffer): bigint {
    const offset = BigInt(piece.byteOffset);
    if (piece.buffer !== this.#memory) {
      this.#memory = piece.buffer;
      this.#start = ffi.getRawPointer(piece) - offset;
    }
    return this.#start + offset;
  }
}
