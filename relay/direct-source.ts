/** Sources that read straight into the ring's memory: nothing is allocated or copied for their bytes. */
import { open } from 'node:fs/promises';

/** Where a source puts its bytes. */
export interface DirectTarget {
  /** Memory for the next bytes. */
  space(): Buffer;
  /** `bytes` are at the start of the last `space()`. False: no more before `resume()`. */
  filled(bytes: number): boolean;
}

export interface DirectSource {
  /** Reads all there is into `target`. Once. Rejects when it fails or is destroyed. */
  pour(target: DirectTarget): Promise<void>;
  /** There is room again. */
  resume(): void;
  destroy(error?: Error): void;
}

/** Reads a file or a block device from its start to its end. */
export const fileSource = (path: string): DirectSource => {
  let destroyed: Error | null = null;
  let resume = (): void => undefined;
  const throwIfDestroyed = (): void => {
    if (destroyed !== null) throw destroyed;
  };
  return {
    pour: async (target) => {
      throwIfDestroyed();
      const file = await open(path, 'r');
      try {
        for (;;) {
          const space = target.space();
          const { bytesRead } = await file.read(space, 0, space.length, null);
          throwIfDestroyed();
          if (bytesRead === 0) return;
          if (target.filled(bytesRead)) continue;
          await new Promise<void>((resolve) => {
            resume = resolve;
          });
          throwIfDestroyed();
        }
      } finally {
        await file.close();
      }
    },
    resume: () => resume(),
    destroy: (error = new Error(`reading ${path} was stopped`)) => {
      destroyed ??= error;
      resume();
    },
  };
};
