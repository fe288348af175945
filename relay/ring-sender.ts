/**
 * Sends a ring's bytes over a socket without copying them. The ring's memory
 * must stay as it is until the peer has acknowledged it or the sender is
 * closed (docs/decisions/pages-not-copies.md). Where pages cannot be handed
 * over, its bytes are written as usual.
 */
import type { Duplex } from 'node:stream';
import { PagePipe } from '../system/page-pipe.ts';
import { descriptorOf, resetNow } from '../system/socket-options.ts';
import type { Ring } from './ring.ts';
import { SEND_BYTES } from './tuning.ts';

export class RingSender {
  readonly #socket: Duplex;
  readonly #ring: Ring;
  readonly #pipe = PagePipe.open();
  readonly #descriptor: number | null;
  /** Position of the next byte to hand over. */
  #sent: number;
  #writing = false;
  #closed = false;
  /** A socket that failed tells its owner only after this, and takes no more. */
  readonly #written = (error?: Error | null): void => {
    if (error) return;
    this.#writing = false;
    this.pump();
  };

  /** Sends `greeting`, then the ring from `position` on. Throws `PipeFailed`. */
  constructor(socket: Duplex, ring: Ring, greeting: Buffer, position: number) {
    this.#socket = socket;
    this.#descriptor = descriptorOf(socket);
    this.#ring = ring;
    this.#sent = position;
    this.#write(greeting);
  }

  /** Everything below this position has been handed to the system. */
  get sent(): number {
    return this.#sent;
  }

  /** Sends what is verified and not sent yet. Goes on by itself when the socket has room again. */
  pump(): void {
    const descriptor = this.#descriptor;
    const pipe = this.#pipe;
    // The descriptor of a destroyed socket may be another's by now.
    while (!this.#writing && !this.#socket.destroyed) {
      if (pipe !== null && pipe.held > 0 && descriptor !== null) {
        pipe.pour(descriptor);
        if (pipe.held > 0) this.#awaitRoom(pipe);
        continue;
      }
      const to = Math.min(this.#ring.verified, this.#sent + SEND_BYTES);
      const [piece] = to > this.#sent ? this.#ring.pieces(this.#sent, to) : [];
      if (piece === undefined) return;
      const taken = descriptor === null ? 0 : (pipe?.fill(piece) ?? 0);
      this.#sent += taken === 0 ? piece.length : taken;
      // Where pages cannot be handed over they are copied.
      if (taken === 0) this.#write(piece);
    }
  }

  /** Takes back what the system still holds: the peer gets a reset. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    resetNow(this.#socket);
    this.#pipe?.close();
  }

  /** Node tells of room in a socket only after a write of its own: it gets the next byte. */
  #awaitRoom(pipe: PagePipe): void {
    const next = this.#sent - pipe.held;
    pipe.dropByte();
    for (const byte of this.#ring.pieces(next, next + 1)) this.#write(byte);
  }

  #write(bytes: Buffer): void {
    this.#writing = true;
    this.#socket.write(bytes, this.#written);
  }
}
