/**
 * What a member of a pass can do to those behind it: it has the key, so it can
 * change what it forwards and tag it anew. Stands behind an honest hop, on its
 * way down; the handshake and acknowledgements go through as they are.
 */
import { createHash, type Hash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import {
  FRAME_HEADER_BYTES,
  FRAME_SIGNED_BYTES,
  FrameType,
  readFrameHeader,
  writeFrameHeader,
} from '../../../protocol/frame.ts';
import { ANSWER_BYTES, HELLO_BYTES } from '../../../protocol/link.ts';
import type { Network } from '../../../protocol/network.ts';
import { type FrameCipher, frameCipher } from '../../../relay/frame-cipher.ts';

export interface ForgedFrame {
  type: FrameType;
  stream: number;
  /** Payload in clear. */
  clear: Buffer;
}

/** What goes on instead of a frame. */
export type Change = (frame: ForgedFrame) => ForgedFrame[];

export interface PassSecrets {
  network: Network;
  key: Buffer;
  pass: number;
}

/** Makes other frames, with good tags, out of those that come. */
class FrameForger {
  readonly #pass: number;
  readonly #cipher: FrameCipher;
  readonly #change: Change;
  #unread: Buffer = Buffer.alloc(0);
  #position: number | null = null;
  /** As END tells them of the stream. */
  #tags: Hash = createHash('sha256');
  #bytes = 0;

  constructor({ network, key, pass }: PassSecrets, change: Change) {
    this.#pass = pass;
    this.#cipher = frameCipher(network, key, pass);
    this.#change = change;
  }

  push(bytes: Buffer): Buffer {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    const out: Buffer[] = [];
    while (this.#unread.length >= FRAME_HEADER_BYTES) {
      const { type, stream, payloadBytes, position } = readFrameHeader(this.#unread, 0);
      const end = FRAME_HEADER_BYTES + payloadBytes;
      if (this.#unread.length < end) break;
      this.#position ??= position;
      const clear = Buffer.alloc(payloadBytes);
      this.#cipher.decrypt(position, [this.#unread.subarray(FRAME_HEADER_BYTES, end)], clear);
      this.#unread = this.#unread.subarray(end);
      for (const frame of this.#change({ type, stream, clear })) out.push(this.#make(frame));
    }
    return Buffer.concat(out);
  }

  #make({ type, stream, clear }: ForgedFrame): Buffer {
    if (type === FrameType.begin) {
      this.#tags = createHash('sha256');
      this.#bytes = 0;
    }
    const position = this.#position ?? 0;
    const payload = type === FrameType.end ? this.#end() : Buffer.from(clear);
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    const payloadBytes = payload.length;
    writeFrameHeader(header, {
      type,
      stream,
      payloadBytes,
      pass: this.#pass,
      position,
      nextBytes: 0,
    });
    const tag = this.#cipher.seal(position, header.subarray(0, FRAME_SIGNED_BYTES), [payload]);
    tag.copy(header, FRAME_SIGNED_BYTES);
    if (type === FrameType.begin || type === FrameType.data) this.#tags.update(tag);
    if (type === FrameType.data) this.#bytes += payloadBytes;
    this.#position = position + FRAME_HEADER_BYTES + payloadBytes;
    return Buffer.concat([header, payload]);
  }

  #end(): Buffer {
    const digest = this.#tags.digest('hex');
    return Buffer.from(JSON.stringify({ bytes: this.#bytes, digest }));
  }
}

/** Replaces `text` by another one of the same length, wherever it is whole in one frame. */
export const replacing = (text: string, by: string, onReplaced = (): void => undefined): Change => {
  if (by.length !== text.length) throw new RangeError('the other text has another length');
  return (frame) => {
    const at = frame.type === FrameType.data ? frame.clear.indexOf(text) : -1;
    if (at >= 0) {
      frame.clear.write(by, at, 'latin1');
      onReplaced();
    }
    return [frame];
  };
};

export interface Forging {
  host: string;
  port: number;
  close(): void;
}

/**
 * Takes connections for the hop at `to` and forges what that sends down. What
 * `forge` returns is asked for once for each connection.
 */
export const startForging = async (
  listen: { host: string; port: number },
  to: () => { host: string; port: number },
  forge: () => { secrets: PassSecrets; change: Change },
): Promise<Forging> => {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (down) => {
    const { secrets, change } = forge();
    const forger = new FrameForger(secrets, change);
    const up = connect({ ...to(), noDelay: true });
    let handshake = HELLO_BYTES + ANSWER_BYTES;
    for (const socket of [up, down]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    up.on('data', (bytes: Buffer) => {
      const asItIs = bytes.subarray(0, handshake);
      handshake -= asItIs.length;
      if (down.destroyed) return;
      try {
        const forged = forger.push(bytes.subarray(asItIs.length));
        down.write(Buffer.concat([asItIs, forged]));
      } catch {
        // Asked to go on in the middle of what it forged before.
        down.destroy();
      }
    });
    down.on('data', (bytes: Buffer) => up.write(bytes));
    up.on('close', () => down.destroy());
    down.on('close', () => up.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(listen.port, listen.host, resolve);
  });
  // An agent that is a forger ends as any other.
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    host: listen.host,
    port: address.port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};
