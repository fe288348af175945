/** Sources that read straight into the ring's memory: nothing is allocated for their bytes. */
/** Where a source puts its bytes. */
export interface ByteTarget {
  /** Memory for the next bytes. */
  space(): Buffer;
  /**
   * `bytes` are at the start of the last `space()`. A promise must be waited
   * for before more is put there; it rejects when nobody wants more.
   */
  filled(bytes: number): Promise<void> | null;
}

export interface ByteSource {
  /** Puts all there is into `target`, once. Rejects when it fails, ends badly or is destroyed. */
  pour(target: ByteTarget): Promise<void>;
  destroy(error: Error): void;
}

/** Copies bytes that are in memory already, or are made as they are asked for. */
export const chunkSource = (chunks: Iterable<Buffer> | AsyncIterable<Buffer>): ByteSource => {
  let destroyed: Error | null = null;
  return {
    pour: async (target) => {
      for await (const chunk of chunks) {
        for (let done = 0; done < chunk.length; ) {
          if (destroyed !== null) throw destroyed;
          const copied = chunk.copy(target.space(), 0, done);
          done += copied;
          await target.filled(copied);
        }
      }
      if (destroyed !== null) throw destroyed;
    },
    destroy: (error) => {
      destroyed ??= error;
    },
  };
};
