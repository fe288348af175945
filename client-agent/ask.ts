/** Asks a question on one or several consoles; the first answer counts. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Ask } from './knock.ts';

/** `inputs`: the keyboards; `show`: writes a line where people see it. */
export const askOn =
  (inputs: readonly Readable[], show: (line: string) => void): Ask =>
  (question, signal) =>
    new Promise((resolve, reject) => {
      show(question);
      const readers = inputs.map((input) => createInterface({ input }));
      const end = (finish: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        for (const reader of readers) reader.close();
        finish();
      };
      const onAbort = (): void => end(() => reject(signal.reason));
      const onLine = (line: string): void => {
        const answer = line.trim().toLowerCase();
        if (answer === 'y' || answer === 'yes') end(() => resolve(true));
        else if (answer === 'n' || answer === 'no') end(() => resolve(false));
        else show(question);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      for (const reader of readers) reader.on('line', onLine);
    });
