/** What a pass and its digest thread tell each other. Replies come in the order of the requests. */

/** Bytes of a stream in the ring's memory. */
export interface DigestPiece {
  offset: number;
  bytes: number;
}

export type DigestRequest =
  /** Begins a digest. No reply. */
  | { type: 'begin'; binding: Uint8Array }
  | { type: 'take'; pieces: readonly DigestPiece[] }
  | { type: 'end' };

export type DigestReply =
  | { type: 'taken' }
  | { type: 'digest'; sha256: string }
  | { type: 'failed'; message: string };
