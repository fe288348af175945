/** What is typed at a console. */
import { EventEmitter } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty, ReadStream } from 'node:tty';
import type { Keyboard } from '../ask.ts';

/** Before one that was ended (Ctrl-D, a line that was hung up) is opened again. */
const AGAIN_MS = 1000;

/**
 * Undefined where there is no such console: it is named but not there, or there
 * but can only be opened. It never becomes this process's own terminal.
 */
const openTerminal = (device: string): ReadStream | undefined => {
  try {
    const { O_RDONLY, O_NOCTTY, O_NONBLOCK } = constants;
    const descriptor = openSync(device, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    if (isatty(descriptor)) return new ReadStream(descriptor);
    closeSync(descriptor);
    return undefined;
  } catch {
    return undefined;
  }
};

/** Until its input ends or `signal` fires. */
const readLines = (
  input: ReadStream,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> =>
  new Promise((resolve) => {
    const lines = createInterface({ input, signal });
    lines.on('line', onLine);
    lines.once('close', () => {
      input.destroy();
      resolve();
    });
    input.once('error', () => lines.close());
  });

const keepReading = async (
  device: string,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    // Not a file's stream: each would keep one of Node's few threads waiting.
    const input = openTerminal(device);
    if (!input) return;
    // Nobody has to type for this process to end.
    input.unref();
    await readLines(input, onLine, signal);
    await sleep(AGAIN_MS, undefined, { ref: false, signal }).catch(() => undefined);
  }
};

/**
 * The keyboard of a console, "/dev/ttyS0", until `signal` fires. It is read all
 * the time: what was typed before a question was asked is no answer to it. One
 * that is not there is never typed at.
 */
export const keyboardOf = (device: string, signal: AbortSignal): Keyboard => {
  const typed = new EventEmitter<{ line: [string] }>();
  void keepReading(device, (line) => typed.emit('line', line), signal);
  return (onLine) => {
    typed.on('line', onLine);
    return () => typed.off('line', onLine);
  };
};
