/**
 * The thread that sums up streams beside the event loop that moves them. Works
 * on the ring's own memory (`workerData`), and never writes to it.
 */
import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { DigestReply, DigestRequest } from './digest-messages.ts';

const memory: SharedArrayBuffer = workerData;
const ring = Buffer.from(memory);
let digest: Hash = createHash('sha256');

const answer = (request: DigestRequest): DigestReply | null => {
  switch (request.type) {
    case 'begin':
      digest = createHash('sha256').update(request.binding);
      return null;
    case 'take':
      for (const { offset, bytes } of request.pieces) {
        digest.update(ring.subarray(offset, offset + bytes));
      }
      return { type: 'taken' };
    case 'end':
      return { type: 'digest', sha256: digest.digest('hex') };
  }
};

const reply = (request: DigestRequest): DigestReply | null => {
  try {
    return answer(request);
  } catch (error) {
    return { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
};

parentPort?.on('message', (request: DigestRequest) => {
  const said = reply(request);
  if (said !== null) parentPort?.postMessage(said);
});
