/** Options of sockets that Node does not set, and the descriptor they are set on. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { libc } from './libc.ts';

/** asm-generic/socket.h of Linux. */
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const SO_RCVLOWAT = 18;

/** Descriptor of a connected socket, for calls Node does not have; null when it has none (any more), or is none. */
export const descriptorOf = (socket: Duplex): number | null => {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null && Reflect.get(handle, 'fd');
  return typeof fd === 'number' && fd >= 0 ? fd : null;
};

/**
 * Closes a connection with a reset, which throws away what has not left.
 * Node's `resetAndDestroy()` fails when it is just ending its own side because
 * the peer has ended, and leaves such a socket open for ever.
 */
export const resetNow = (socket: Duplex): void => {
  const descriptor = descriptorOf(socket);
  if (libc === null) {
    // What has not left were copies then: it does no harm when it still leaves.
    if (descriptor !== null && socket instanceof Socket && !socket.writableEnded) {
      socket.resetAndDestroy();
    } else socket.destroy();
    return;
  }
  if (descriptor !== null) {
    // struct linger: on, for no time.
    const { memory, address } = libc.fixedMemory(8);
    new Int32Array(memory)[0] = 1;
    libc.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, address, memory.byteLength);
  }
  socket.destroy();
};

/**
 * How many bytes must be there before a socket wakes its reader (SO_RCVLOWAT,
 * socket(7)). Its end and its errors wake at once, and so does a receive buffer
 * that is full: the system never waits for more than half of it.
 */
export class LowWater {
  readonly #socket: Duplex;
  readonly #descriptor: number | null;
  readonly #option = libc?.fixedMemory(4);
  readonly #value = new Int32Array(this.#option?.memory ?? new ArrayBuffer(4));
  #bytes = 1;

  /** The socket must be connected. */
  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#descriptor = descriptorOf(socket);
  }

  /** Where it cannot be set the reader is only woken more often. */
  set(bytes: number): void {
    // The descriptor of a destroyed socket may be another's by now.
    if (bytes === this.#bytes || this.#descriptor === null || this.#socket.destroyed) return;
    this.#bytes = bytes;
    if (libc === null || this.#option === undefined) return;
    this.#value[0] = bytes;
    libc.setsockopt(this.#descriptor, SOL_SOCKET, SO_RCVLOWAT, this.#option.address, 4);
  }
}
