/** Lets `ka start` reach a running session on this machine: a unix socket only root can open. */
import { chmodSync, existsSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { parseMessage } from '../protocol/parse-message.ts';
import { guarded } from '../system/guard.ts';
import { NamedError } from '../system/named-error.ts';
import { stateDirectory } from '../system/state-directory.ts';

const Command = z.object({ command: z.literal('start') });
const Answer = z.object({ ok: z.boolean(), message: z.string() });
type Answer = z.infer<typeof Answer>;

const ANSWER_TIMEOUT_MS = 3000;

const socketDirectory = (): string => join(stateDirectory(), 'run');

const socketPath = (session: string): string => join(socketDirectory(), `${session}.sock`);

const isAlive = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/**
 * Listens for the operator until `signal` fires. Throws `SessionExists` when a
 * session of this name already runs on this machine.
 */
export const openOperatorSocket = async (
  session: string,
  startNow: () => void,
  signal: AbortSignal,
): Promise<void> => {
  const path = socketPath(session);
  mkdirSync(socketDirectory(), { recursive: true, mode: 0o700 });
  if (existsSync(path)) {
    if (await isAlive(path)) {
      throw new NamedError(
        'SessionExists',
        `session "${session}" already runs on this machine; choose another name with -s`,
      );
    }
    unlinkSync(path);
  }
  const server = createServer((socket) => {
    const answer = (value: Answer) => socket.end(`${JSON.stringify(value)}\n`);
    socket.on('error', () => socket.destroy());
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    const hear = (data: Buffer): void => {
      if (!parseMessage(Command, data.toString())) {
        answer({ ok: false, message: 'unknown command' });
        return;
      }
      startNow();
      answer({ ok: true, message: `session "${session}" starts with the nodes that are here` });
    };
    socket.once(
      'data',
      guarded(hear, ({ message }) => answer({ ok: false, message })),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  // A connection that could not be accepted: who asked in vain asks again.
  server.on('error', () => undefined);
  chmodSync(path, 0o600);
  signal.addEventListener('abort', () => server.close(), { once: true });
};

/** Names of sessions on this machine that left a socket; some may be dead. */
const knownSessions = (): string[] =>
  existsSync(socketDirectory())
    ? readdirSync(socketDirectory())
        .filter((name) => name.endsWith('.sock'))
        .map((name) => basename(name, '.sock'))
    : [];

const ask = (path: string, session: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const gone = () =>
      reject(new NamedError('NoSession', `session "${session}" does not run on this machine`));
    const socket = connect(path, () => socket.write(JSON.stringify({ command: 'start' })));
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    socket.once('error', gone);
    socket.once('data', (data) => {
      socket.destroy();
      const answer = parseMessage(Answer, data.toString());
      if (answer?.ok) resolve(answer.message);
      else gone();
    });
  });

/**
 * Tells a waiting session not to wait any longer. Without a name it must be the
 * only one. Throws `NoSession` or `WhichSession`; resolves with the answer.
 */
export const startSession = async (name: string | undefined): Promise<string> => {
  const alive: string[] = [];
  for (const session of name === undefined ? knownSessions() : [name]) {
    if (existsSync(socketPath(session)) && (await isAlive(socketPath(session)))) {
      alive.push(session);
    }
  }
  const [only, ...others] = alive;
  if (only === undefined) {
    const what = name === undefined ? 'no session runs' : `no session "${name}" runs`;
    throw new NamedError('NoSession', `${what} on this machine; start one with ka golden`);
  }
  if (others.length > 0) {
    throw new NamedError(
      'WhichSession',
      `several sessions run here; name one: ${alive.join(', ')}`,
    );
  }
  return ask(socketPath(only), only);
};
