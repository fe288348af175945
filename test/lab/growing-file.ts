/** Follows a file that others write, from its beginning, whether it is there yet or not. */
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 200;
const PIECE_BYTES = 256 * 1024;

/**
 * Hands on what has been added, as Latin-1 text, until `signal` fires; then
 * resolves. Reads the file once more before it ends.
 */
export const followFile = async (
  path: string,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  let position = 0;
  const readOn = async () => {
    const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!handle) return;
    try {
      const piece = Buffer.alloc(PIECE_BYTES);
      for (;;) {
        const { bytesRead } = await handle.read(piece, 0, piece.length, position);
        if (bytesRead === 0) return;
        position += bytesRead;
        onText(piece.toString('latin1', 0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  };
  while (!signal.aborted) {
    await readOn();
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  await readOn();
};

/** Cuts text that comes in pieces into lines. */
export const eachLine = (onLine: (line: string) => void): ((text: string) => void) => {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
};
