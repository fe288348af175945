/** Cuts a stream of text into lines, of which none takes more memory than it may. */
import { StringDecoder } from 'node:string_decoder';

/**
 * Returns a function that takes the bytes as they come and hands each whole line,
 * without its end, to `onLine`. Of a line longer than `maxChars` the rest is left out.
 */
export const boundedLines = (
  maxChars: number,
  onLine: (line: string) => void,
): ((bytes: Buffer) => void) => {
  const decoder = new StringDecoder();
  let line = '';
  return (bytes) => {
    const pieces = decoder.write(bytes).split('\n');
    const last = pieces.pop() ?? '';
    for (const piece of pieces) {
      onLine((line + piece).slice(0, maxChars).replace(/\r$/, ''));
      line = '';
    }
    line = (line + last).slice(0, maxChars);
  };
};
