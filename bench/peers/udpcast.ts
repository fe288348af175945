/** udpcast: multicast with repair. */
import { performance } from 'node:perf_hooks';
import { untilListening } from '../listening.ts';
import type { ChainTool } from '../sample.ts';
import { startTimed, usageOf } from '../timed-process.ts';

const PORT_BASE = 9010;
const COMMON = ['--portbase', String(PORT_BASE), '--interface', 'eth0', '--nokbd', '--no-progress'];

export const udpcast: ChainTool = {
  name: 'udpcast',
  run: async ({ lab, nodes, payload, signal }) => {
    const hosts = lab.nodes.slice(0, nodes);
    const receive = ['udp-receiver', ...COMMON, '--nosync', '--file', '/dev/null'];
    const receivers = hosts.map((host) => startTimed(lab, host, receive, { signal }));
    for (const host of hosts) await untilListening(host, PORT_BASE, signal, 'udp');
    const send = ['udp-sender', ...COMMON, '--min-receivers', String(nodes), '--full-duplex'];
    const start = performance.now();
    const sender = startTimed(lab, lab.golden, [...send, '--file', payload.path], { signal });
    const [, ...usages] = await Promise.all([
      sender.ended,
      ...receivers.map((receiver) => usageOf([receiver])),
    ]);
    return { seconds: (performance.now() - start) / 1000, bytes: payload.bytes, nodes: usages };
  },
};
