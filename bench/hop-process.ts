/** A node of ka's chain as a process of its own: a real hop whose sink throws everything away. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_REDUNDANCY, PROBE } from '../protocol/constants.ts';
import { Hop, type Sink, type StreamBegin } from '../relay/hop.ts';
import { HopRequest, PASS, SESSION } from './chain-messages.ts';
import { listen, report, reportFailure, reportTrouble } from './chain-reporting.ts';

const LOOK_MS = 5;

let hop: Hop | null = null;
let bytes = 0;
let usageBefore = process.cpuUsage();
let loopBefore = process.threadCpuUsage();

const openSink = ({ kind }: StreamBegin): Sink | null => {
  // Measuring the line comes before the clock.
  if (bytes === 0) {
    usageBefore = process.cpuUsage();
    loopBefore = process.threadCpuUsage();
  }
  if (kind === PROBE) return null;
  return {
    write: async (chunks) => {
      for (const chunk of chunks) bytes += chunk.length;
    },
    end: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
};

/** Of this program only: the maximum of getrusage(2) knows the memory of whoever started it. */
const maxRss = (): number => {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
};

const finish = (): void => {
  const seconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1e6;
  report({
    type: 'finished',
    bytes,
    cpuSeconds: seconds(process.cpuUsage(usageBefore)),
    loopCpuSeconds: seconds(process.threadCpuUsage(loopBefore)),
    maxRssBytes: maxRss(),
  });
};

listen(async (message) => {
  const request = HopRequest.parse(message);
  if (request.type !== 'start') {
    if (hop === null) throw new Error(`told to ${request.type} before it was started`);
    if (request.type === 'follow') return hop.follow(request.order);
    while (hop.stats().received < request.position) await sleep(LOOK_MS);
    report({ type: 'reached' });
    return;
  }
  hop = new Hop(
    {
      session: SESSION,
      pass: PASS,
      network: request.network,
      key: Buffer.from(request.key, 'base64'),
      node: request.node,
      listen: { host: request.host, port: 0 },
      ringBytes: request.ringBytes,
      redundancy: DEFAULT_REDUNDANCY,
      mostStreams: 100,
      openSink,
      signal: new AbortController().signal,
    },
    reportTrouble,
  );
  hop.finished.then(finish, reportFailure);
  await hop.listen();
  report({ type: 'listening', port: hop.port });
});
