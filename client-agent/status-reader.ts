/** Reads the status port of one node. */
import { connect, type Socket } from 'node:net';
import { PORTS } from '../protocol/constants.ts';
import { boundedLines } from '../system/bounded-lines.ts';
import { guarded } from '../system/guard.ts';
import { NamedError } from '../system/named-error.ts';
import { isPrintable, printable } from '../system/printable.ts';

/** A snapshot is over when nothing came for this long, in milliseconds. */
const QUIET_MS = 1000;

/** … or has lasted this long, because the node never stops talking. */
const SNAPSHOT_MS = 5000;

/** Longest line that is shown, in characters; a node may send anything. */
const MAX_LINE = 16_384;

export interface StatusTarget {
  /** As the operator wrote it. */
  readonly label: string;
  readonly host: string;
  readonly port: number;
}

/**
 * `node1`, `node1:2345`, `10.0.1.4`, `[fe80::1]:12345`, `fe80::1`.
 * Throws `BadNode` when it is none of these.
 */
export const parseStatusTarget = (label: string): StatusTarget => {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(label);
  // Two colons without brackets: an IPv6 address, the whole of it.
  const bare = /:.*:/.test(label)
    ? [label, label, undefined]
    : /^([^:\s]+)(?::(\d+))?$/.exec(label);
  const [, host, digits] = bracketed ?? bare ?? [];
  const port = digits === undefined ? PORTS.status : Number(digits);
  if (!host || !isPrintable(label) || port < 1 || port > 65535) {
    throw new NamedError(
      'BadNode',
      `${printable(label)}: not a node; write NAME, ADDRESS or ADDRESS:PORT`,
    );
  }
  return { label, host, port };
};

export interface ReadStatusOptions {
  /** Go on until the node closes; without it, until nothing came for a second. */
  follow: boolean;
  /** How long to wait for the connection, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  onLine: (line: string) => void;
}

const open = (target: StatusTarget, options: ReadStatusOptions): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { host, port, label } = target;
    const socket = connect({ host, port });
    const fail = (why: string, cause?: Error): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      socket.destroy();
      const message = `${label}: nothing answers on port ${port} (${why}); is ka agent running there?`;
      reject(new NamedError('NoStatus', message, { cause }));
    };
    const abort = (): void => fail('stopped');
    const timer = setTimeout(
      () => fail(`no answer in ${options.timeoutMs / 1000} s`),
      options.timeoutMs,
    );
    options.signal?.addEventListener('abort', abort, { once: true });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      fail(error.code ?? error.message, error),
    );
    socket.once('connect', () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });

/**
 * Hands each line of a node's status port to `onLine`. Resolves at the end of
 * the snapshot, when the node closes, or when `signal` fires. Throws `NoStatus`
 * when the node cannot be reached or says nothing at all.
 */
export const readStatus = async (
  target: StatusTarget,
  options: ReadStatusOptions,
): Promise<void> => {
  const socket = await open(target, options);
  const stop = (): void => {
    socket.destroy();
  };
  // A node that reboots in the middle resets the connection: its log ends there.
  socket.on('error', stop);
  if (!options.follow) socket.setTimeout(QUIET_MS, stop);
  const timer = options.follow ? undefined : setTimeout(stop, SNAPSHOT_MS);
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted) stop();
  let lines = 0;
  const read = boundedLines(MAX_LINE, (line) => {
    lines += 1;
    options.onLine(printable(line));
  });
  // A terminal that is gone ends the reading, not the process.
  socket.on('data', guarded(read, stop));
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', stop);
  if (lines === 0 && !options.signal?.aborted) {
    const { label, port } = target;
    throw new NamedError('NoStatus', `${label}: port ${port} is open but says nothing; is it ka?`);
  }
};
