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

/** Where the bytes of `memory` lie now; they stay there while it is held. */
export const addressOf = (memory: Buffer): bigint => ffi.getRawPointer(memory);
