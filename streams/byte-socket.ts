/** A socket pair on which one process writes what this one reads straight into a target's memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteTarget } from '../relay/byte-source.ts';

export interface ByteSocket {
  /** To be given to a child process as its standard output, and destroyed here after that. */
  writer: Socket;
  /** Resolves when all writers are gone and everything is in the target. Rejects as the target does. */
  poured: Promise<void>;
}

/**
 * The pipe that `spawn` makes allocates memory for each read. This one has a
 * path for a moment, in a directory only this user can enter. Rejects when
 * there is no room for it, and with the reason of `signal`.
 */
export const byteSocket = async (target: ByteTarget, signal: AbortSignal): Promise<ByteSocket> => {
  signal.throwIfAborted();
  const directory = await mkdtemp(join(tmpdir(), 'ka-'));
  const path = join(directory, 'bytes');
  const server = createServer({ pauseOnConnect: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    const accepted = new Promise<Socket>((resolve) => {
      server.once('connection', resolve);
    });
    const poured = pourInto(path, target, signal);
    const writer = await Promise.race([accepted, poured]).catch((error: unknown) => {
      // It may still be accepted after its other end was given up.
      void accepted.then((socket) => socket.destroy());
      throw error;
    });
    if (writer === undefined) throw new Error('a socket to a process was closed at once');
    return { writer, poured };
  } finally {
    server.close();
    await rm(directory, { recursive: true });
  }
};

const pourInto = (path: string, target: ByteTarget, signal: AbortSignal): Promise<void> => {
  const reader = connect({
    path,
    onread: {
      buffer: () => target.space(),
      callback: (bytes) => {
        const room = target.filled(bytes);
        if (room === null) return true;
        room.then(
          () => reader.resume(),
          (error: Error) => reader.destroy(error),
        );
        return false;
      },
    },
  });
  const stop = (): void => {
    reader.destroy(signal.reason);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const poured = new Promise<void>((resolve, reject) => {
    reader.on('error', reject);
    reader.on('close', () => resolve());
  }).finally(() => signal.removeEventListener('abort', stop));
  // It may fail before anybody waits for it.
  poured.catch(() => undefined);
  // Without a 'data' listener nothing else makes the stream flow.
  reader.resume();
  return poured;
};
