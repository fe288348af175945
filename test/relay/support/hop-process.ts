/**
 * A hop as a process of its own, so that it can be killed or stopped for real.
 * Spoken to over the IPC channel of `fork`: first `HopProcessStart`, then orders.
 */
import type { ChainOrder } from '../../../protocol/control.ts';
import { Hop, type HopEvent } from '../../../relay/hop.ts';
import { key, MemorySink, type Received, session } from './chain.ts';

export interface HopProcessStart {
  node: number;
  host: string;
  ringBytes: number;
}

export type HopProcessMessage =
  | { type: 'listening'; port: number }
  | { type: 'received'; position: number }
  | { type: 'stream'; name: string; received: Received }
  | { type: 'event'; event: HopEvent }
  | { type: 'finished' }
  | { type: 'failed'; message: string };

const tell = (message: HopProcessMessage): void => {
  process.send?.(message);
};

const main = (start: HopProcessStart): void => {
  const hop = new Hop(
    {
      session,
      pass: 1,
      network: 'open',
      key,
      node: start.node,
      listen: { host: start.host, port: 0 },
      ringBytes: start.ringBytes,
      redundancy: 3,
      signal: new AbortController().signal,
      mostStreams: 100,
      openSink: ({ name }) =>
        new MemorySink((received) => tell({ type: 'stream', name, received })),
    },
    (event) => tell({ type: 'event', event }),
  );
  process.on('message', (order: ChainOrder) => hop.follow(order));
  process.on('disconnect', () => process.exit(0));
  setInterval(() => tell({ type: 'received', position: hop.stats().received }), 10);
  hop.finished.then(
    () => tell({ type: 'finished' }),
    (error: Error) => tell({ type: 'failed', message: error.message }),
  );
  hop.listen().then(
    () => tell({ type: 'listening', port: hop.port }),
    (error: Error) => tell({ type: 'failed', message: error.message }),
  );
};

process.once('message', main);
