/** Waits until a port is open, without connecting to it: these listeners take one connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabHost } from '../demo/lab.ts';
import { NamedError } from '../system/named-error.ts';

const LOOK_MS = 20;
const PATIENCE_MS = 15_000;

/** Rejects `PeerFailed` after 15 s, `Aborted`. */
export const untilListening = async (
  host: LabHost,
  port: number,
  signal: AbortSignal,
  protocol: 'tcp' | 'udp' = 'tcp',
): Promise<void> => {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const filter = ['--no-header', '--listening', '--numeric', `--${protocol}`];
  while (!patience.aborted) {
    const { stdout } = await host.run(['ss', ...filter, `sport = :${port}`], { signal });
    if (stdout.trim() !== '') return;
    await sleep(LOOK_MS, undefined, { signal });
  }
  throw new NamedError('PeerFailed', `nobody listens on ${protocol} port ${port} of ${host.name}`);
};
