/** Writes batches of buffers into a child's standard input. */
import type { Writable } from 'node:stream';
import type { SinkFailure } from './sink-failure.ts';

/**
 * One writev for the whole batch, straight from the given memory; resolves when
 * the pipe has taken all of it. An error of the pipe itself means that the
 * process has gone; how it ended says more, so `refused` has to find that out.
 */
export const writeBatch = (
  pipe: Writable,
  chunks: readonly Buffer[],
  failure: SinkFailure,
  refused: () => void,
): Promise<void> =>
  failure.guard((done) => {
    const last = chunks.length - 1;
    if (last < 0) {
      done();
      return;
    }
    pipe.cork();
    chunks.forEach((chunk, index) => {
      if (index < last) pipe.write(chunk);
      else pipe.write(chunk, (error) => (error ? refused() : done()));
    });
    pipe.uncork();
  });

/** Without a listener an EPIPE would end the whole agent; the process's end is what gets reported. */
export const expectBrokenPipe = (pipe: Writable, log: (line: string) => void): void => {
  pipe.on('error', (error) => log(`pipe: ${error.message}`));
};
