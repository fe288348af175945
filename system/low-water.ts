/**
 * How many bytes must be there before a socket wakes its reader (SO_RCVLOWAT,
 * socket(7)). Its end and its errors wake at once, and so does a receive buffer
 * that is full: the system never waits for more than half of it.
 */
import type { Socket } from 'node:net';
import { fixedMemory, libc } from './libc.ts';
import { descriptorOf } from './socket-descriptor.ts';

/** asm-generic/socket.h of Linux. */
const SOL_SOCKET = 1;
const SO_RCVLOWAT = 18;

export class LowWater {
  readonly #socket: Socket;
  readonly #descriptor: number | null;
  readonly #option = fixedMemory(4);
  readonly #value = new Int32Array(this.#option.memory);
  #bytes = 1;

  /** The socket must be connected. */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.#descriptor = descriptorOf(socket);
  }

  /** Where it cannot be set the reader is only woken more often. */
  set(bytes: number): void {
    // The descriptor of a destroyed socket may be another's by now.
    if (bytes === this.#bytes || this.#descriptor === null || this.#socket.destroyed) return;
    this.#bytes = bytes;
    this.#value[0] = bytes;
    libc.setsockopt(this.#descriptor, SOL_SOCKET, SO_RCVLOWAT, this.#option.address, 4);
  }
}
