/** What each stage of a session's passes waited for, from the progress events. */
import type { SessionEvent } from '../../protocol/events.ts';
import type { StageWaits } from './clone-tool.ts';

type Progress = Extract<SessionEvent, { kind: 'progress' }>;

const shares = (stage: string, waits: readonly ('busy' | 'starved' | 'blocked')[]): StageWaits => {
  const share = (what: string): number =>
    waits.filter((wait) => wait === what).length / Math.max(1, waits.length);
  return { stage, busy: share('busy'), starved: share('starved'), blocked: share('blocked') };
};

/**
 * The golden's reading, the nodes' links and the nodes' unpacking. Each event
 * says of each what it mostly did in the last half second, so these are shares
 * of half seconds. Unpacking is busy when it is what the link waits for.
 */
export const stageWaits = (events: readonly SessionEvent[]): StageWaits[] => {
  const progress = events.filter((event): event is Progress => event.kind === 'progress');
  const nodes = progress.flatMap((event) => event.nodes);
  return [
    shares(
      'golden: reading',
      progress.map(({ limit }) =>
        limit === null || limit === 'golden: reading' ? 'busy' : 'blocked',
      ),
    ),
    shares(
      'nodes: link',
      nodes.map(({ limit }) => {
        if (limit === null) return 'busy';
        return limit === 'upstream' ? 'starved' : 'blocked';
      }),
    ),
    shares(
      'nodes: unpacking',
      nodes.map(({ limit, received, drained }) =>
        limit === 'disk' || drained < received ? 'busy' : 'starved',
      ),
    ),
  ];
};
