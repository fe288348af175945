/** One connection of a stranger: says its pieces, one after the other, and ends as it likes. */
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { resetNow } from '../../../../system/socket-options.ts';
import { within } from './within.ts';

export type Ending = 'wait' | 'half' | 'cut' | 'reset';

/** Whoever does not wait is often gone before it was heard. */
export const ending: fc.Arbitrary<Ending> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('wait') },
  { weight: 3, arbitrary: fc.constantFrom('half', 'cut', 'reset') },
);

export interface Caller {
  to: { host: string; port: number } | { path: string };
  /** Address of this machine it comes from. */
  from?: string;
  /** Through TLS, with a certificate or without. */
  tls?: { key?: string; cert?: string };
}

/** So long it waits for what it was not promised. */
const LINGER_MS = 10;
/** Whatever it is, a server of ours has ended it by then. */
const MOST_MS = 8000;

/** Of strangers: every address has few connections here. */
export const strangerAddress = (number: number): string =>
  `127.0.${64 + ((number >> 7) % 64)}.${1 + (number % 128)}`;

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));

/** What is said next; a function waits for the first answer, and makes it from what was heard. */
export type Piece = string | Uint8Array | ((heard: Buffer) => Uint8Array);

/**
 * Resolves, with all that was answered, when this end is closed. An honest one
 * says what it waits for, or waits until the other side ends.
 */
export const visit = async (
  { to, from, tls }: Caller,
  pieces: readonly Piece[],
  how: Ending | ((heard: string) => boolean),
): Promise<string> => {
  const raw = connect({ ...to, ...(from === undefined ? {} : { localAddress: from }) });
  const socket: Socket = tls ? connectTls({ socket: raw, rejectUnauthorized: false, ...tls }) : raw;
  let answer = '';
  for (const one of new Set([raw, socket])) one.on('error', () => raw.destroy());
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString('latin1');
  });
  const over = closed(raw);
  const heard = new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
  });
  const ready = new Promise<void>((resolve) => {
    socket.once(tls ? 'secureConnect' : 'connect', resolve);
  });
  await Promise.race([ready, over]);
  for (const piece of pieces) {
    if (raw.destroyed) break;
    if (typeof piece === 'function') await Promise.race([heard, over]);
    socket.write(typeof piece === 'function' ? piece(Buffer.from(answer, 'latin1')) : piece);
    await turn();
  }
  if (typeof how === 'function') {
    const look = (): void => {
      if (how(answer)) raw.destroy();
    };
    socket.on('data', look);
    look();
  } else if (how === 'reset') resetNow(raw);
  else if (how === 'cut') raw.destroy();
  else {
    if (how === 'half') socket.end();
    const quiet = setTimeout(() => raw.destroy(), LINGER_MS);
    socket.on('data', () => quiet.refresh());
    raw.once('close', () => clearTimeout(quiet));
  }
  await within(MOST_MS, 'a stranger is gone', over);
  return answer;
};
