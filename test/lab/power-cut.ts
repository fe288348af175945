/** Pulls one machine's plug while the streams run, and puts it in again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEvent } from '../../protocol/events.ts';
import type { ProgressOfMachine } from './progress-of-machine.ts';

type ProgressEvent = Extract<SessionEvent, { kind: 'progress' }>;

/** Before so much has been received a node has lost little. */
const RECEIVED_BYTES = 100 * 1024 * 1024;
/** As long as a hand needs with the plug. */
const OFF_MS = 3000;

/**
 * Returns what is to hear of the session's progress: when the first machine has
 * received 100 MiB of the golden's files it is cut, and switched on again.
 * `own` gets the work to wait for.
 */
export const cutOnce = (
  machines: readonly ProgressOfMachine[],
  own: (work: Promise<void>) => void,
  signal: AbortSignal,
): ((event: ProgressEvent) => void) => {
  const [victim] = machines;
  let done = false;
  return ({ stream, nodes }) => {
    if (done || !victim || stream === null || stream === 'stage2') return;
    const received = nodes.find(({ node }) => node === victim.number)?.received ?? 0;
    if (received < RECEIVED_BYTES) return;
    done = true;
    victim.timeline.note(`power cut, after ${Math.round(received / 1024 / 1024)} MiB`);
    own(cutAndBack(victim, signal));
  };
};

const cutAndBack = async (victim: ProgressOfMachine, signal: AbortSignal): Promise<void> => {
  await victim.machine.powerCut();
  await sleep(OFF_MS, undefined, { signal }).catch(() => undefined);
  if (!signal.aborted) victim.powerOn();
};
