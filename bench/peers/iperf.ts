/** iperf3 from the golden to the first node: the most one link carries. */
import { z } from 'zod';
import { untilListening } from '../listening.ts';
import type { ChainTool } from '../sample.ts';
import { startTimed } from '../timed-process.ts';

const PORT = 9003;

const Result = z.object({
  end: z.object({ sum_received: z.object({ seconds: z.number(), bytes: z.number() }) }),
});

export const iperf: ChainTool = {
  name: 'iperf3',
  run: async ({ lab, payload, signal }) => {
    const [host] = lab.nodes;
    if (!host) throw new RangeError('a link needs a node');
    const port = ['--port', String(PORT)];
    const server = startTimed(lab, host, ['iperf3', '--server', '--one-off', ...port], { signal });
    await untilListening(host, PORT, signal);
    const { stdout } = await lab.golden.run(
      ['iperf3', '--client', host.address, ...port, '--bytes', String(payload.bytes), '--json'],
      { signal },
    );
    await server.ended;
    const { seconds, bytes } = Result.parse(JSON.parse(stdout)).end.sum_received;
    return { seconds, bytes, nodes: [] };
  },
};
