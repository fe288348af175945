/** Asks a question on one or several consoles; the first answer counts. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Ask } from './knock.ts';

/** Hands on each line that is typed, until what it returns is called. */
export type Keyboard = (onLine: (line: string) => void) => () => void;

/** One that is read only while a question is open. */
export const keyboardFrom =
  (input: Readable): Keyboard =>
  (onLine) => {
    const lines = createInterface({ input });
    lines.on('line', onLine);
    return () => lines.close();
  };

/** `show`: writes a line where people see it. */
export const askOn =
  (keyboards: readonly Keyboard[], show: (line: string) => void): Ask =>
  (question, signal) =>
    new Promise((resolve, reject) => {
      const end = (finish: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        for (const stop of listening) stop();
        finish();
      };
      const onAbort = (): void => end(() => reject(signal.reason));
      const onLine = (line: string): void => {
        const answer = line.trim().toLowerCase();
        if (answer === 'y' || answer === 'yes') end(() => resolve(true));
        else if (answer === 'n' || answer === 'no') end(() => resolve(false));
        else show(question);
      };
      const listening = keyboards.map((listen) => listen(onLine));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else show(question);
    });
