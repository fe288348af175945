/**
 * Lets the operator's commands reach a running session on this machine: a unix
 * socket only its owner can open, and the operator's key.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { parseMessage } from '../protocol/parse-message.ts';
import { guarded } from '../system/guard.ts';
import { NamedError } from '../system/named-error.ts';
import { stateDirectory } from '../system/state-directory.ts';
import { Code, shownCode } from '../trust/code.ts';
import { operatorKey } from '../trust/golden-keys.ts';
import { isSameSecret, Secret } from '../trust/secret.ts';

const Command = z.discriminatedUnion('command', [
  z.object({ command: z.literal('start'), key: Secret }),
  z.object({ command: z.literal('requests'), key: Secret }),
  z.object({ command: z.literal('admit'), key: Secret, code: Code }),
]);
type Command = z.infer<typeof Command>;
/** What a caller says beside its key. */
type Wish = { command: 'start' | 'requests' } | { command: 'admit'; code: string };

const Answer = z.object({ ok: z.boolean(), lines: z.array(z.string()) });
type Answer = z.infer<typeof Answer>;

/** What a session does for its operator. */
export interface OperatorHandlers {
  start: () => void;
  /** A line for each machine that asks to be let in. */
  requests: () => string[];
  /** False when no machine shows that code. */
  admit: (code: string) => boolean;
}

/** A command is one line; nothing longer is read. */
const MAX_COMMAND_BYTES = 1024;
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

const answerTo = (text: string, session: string, handlers: OperatorHandlers): Answer => {
  const command: Command | undefined = parseMessage(Command, text);
  if (!command) return { ok: false, lines: ['unknown command; both ends must be the same ka'] };
  if (!isSameSecret(command.key, operatorKey())) {
    return { ok: false, lines: ["this is not the operator's key of this machine"] };
  }
  switch (command.command) {
    case 'start':
      handlers.start();
      return { ok: true, lines: [`session "${session}" starts with the nodes that are here`] };
    case 'requests':
      return { ok: true, lines: handlers.requests() };
    case 'admit':
      return handlers.admit(command.code)
        ? {
            ok: true,
            lines: [`${shownCode(command.code)}: admitted, as soon as its own side has said yes`],
          }
        : {
            ok: false,
            lines: [`no machine shows the code ${shownCode(command.code)}; see ka requests`],
          };
  }
};

/**
 * Listens for the operator until `signal` fires. Throws `SessionExists` when a
 * session of this name already runs on this machine.
 */
export const openOperatorSocket = async (
  session: string,
  handlers: OperatorHandlers,
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
    socket.on('error', () => socket.destroy());
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    let text = '';
    socket.on(
      'data',
      guarded(
        (data: Buffer) => {
          text += data.toString();
          if (text.length > MAX_COMMAND_BYTES) socket.destroy();
          else if (text.includes('\n')) {
            socket.end(`${JSON.stringify(answerTo(text, session, handlers))}\n`);
          }
        },
        () => socket.destroy(),
      ),
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

const ask = (path: string, session: string, wish: Wish): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const gone = () =>
      reject(new NamedError('NoSession', `session "${session}" does not run on this machine`));
    const command: Command = { ...wish, key: operatorKey() };
    const socket = connect(path, () => socket.write(`${JSON.stringify(command)}\n`));
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    socket.once('error', gone);
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.once('end', () => {
      const answer = parseMessage(Answer, text);
      if (answer) resolve(answer);
      else gone();
    });
  });

/**
 * Tells a session of this machine something. Without a name it must be the only
 * one. Throws `NoSession`, `WhichSession`, or `NotDone` with the session's own
 * words; resolves with the lines of its answer.
 */
export const tellSession = async (name: string | undefined, wish: Wish): Promise<string[]> => {
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
  const { ok, lines } = await ask(socketPath(only), only, wish);
  if (ok) return lines;
  throw new NamedError('NotDone', lines.join('; '));
};
