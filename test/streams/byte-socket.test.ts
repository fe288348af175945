import { expect, test } from '@jest/globals';
import { byteSocket } from '../../streams/byte-socket.ts';
import { eventually } from '../support/eventually.ts';

const target = { space: () => Buffer.alloc(1024), filled: () => null };

const openPipes = (): number =>
  process.getActiveResourcesInfo().filter((name) => /Pipe/.test(name)).length;

test('a socket to a process that is given up while it is made leaves nothing open', async () => {
  const before = openPipes();
  // Each turn of the event loop is another moment of making it.
  for (let turns = 0; turns < 30; turns += 1) {
    const over = new AbortController();
    const made = byteSocket(target, over.signal);
    made.catch(() => undefined);
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    over.abort(new Error('given up'));
    const result = await made.catch((error: Error) => error);
    if (result instanceof Error) expect(result.message).toBe('given up');
    else {
      result.writer.destroy();
      await expect(result.poured).rejects.toThrow('given up');
    }
  }
  await eventually('all are closed', () => openPipes() === before);
});
