import { expect, test } from '@jest/globals';
import { stageWaits } from '../../bench/clone/stage-waits.ts';
import type { SessionEvent } from '../../protocol/events.ts';

type Progress = Extract<SessionEvent, { kind: 'progress' }>;
type Limit = Progress['nodes'][number]['limit'];

const progress = (limit: string | null, node: Limit, drained: number): SessionEvent => ({
  kind: 'progress',
  time: 0,
  pass: 1,
  stream: '/',
  sentBytes: 100,
  sourceBytes: 100,
  lineRate: 0,
  sourceRate: 0,
  etaMs: null,
  limit,
  nodes: [{ node: 1, received: 100, drained, rate: 0, behind: 0, limit: node }],
});

test('a slow golden leaves the nodes starved', () => {
  const waits = stageWaits([progress('golden: reading', 'upstream', 100)]);
  expect(waits).toEqual([
    { stage: 'golden: reading', busy: 1, starved: 0, blocked: 0 },
    { stage: 'nodes: link', busy: 0, starved: 1, blocked: 0 },
    { stage: 'nodes: unpacking', busy: 0, starved: 1, blocked: 0 },
  ]);
});

test('a slow disk blocks what is before it, for the share of time it does', () => {
  const waits = stageWaits([progress('node1: disk', 'disk', 20), progress(null, null, 100)]);
  expect(waits).toEqual([
    { stage: 'golden: reading', busy: 0.5, starved: 0, blocked: 0.5 },
    { stage: 'nodes: link', busy: 0.5, starved: 0, blocked: 0.5 },
    { stage: 'nodes: unpacking', busy: 0.5, starved: 0.5, blocked: 0 },
  ]);
});
