import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { clonedStates } from '../protocol/events.ts';
import { ACCENT, ERROR } from './colors.ts';
import {
  count,
  formatBar,
  formatBytes,
  formatClock,
  formatDuration,
  formatShare,
} from './format.ts';
import { tellFlow } from './happenings.ts';
import { isOut } from './node-view.ts';
import type { SessionView } from './session-view.ts';

interface Lines {
  /** What is going on. */
  doing: string;
  clock: string;
  /** 0…1, or null when nothing can be measured. */
  share: number | null;
  amount: string;
  flow: string;
}

const waitingLines = (view: SessionView, now: number): Lines => {
  const missing = Math.max(0, view.wanted - view.nodes.size);
  const rest = missing > 0 ? `${count(missing, 'node')} still missing` : 'all are here';
  return {
    doing: 'waiting for nodes',
    clock: formatDuration(now - (view.opened ?? now)),
    share: view.wanted > 0 ? view.nodes.size / view.wanted : null,
    amount: `${view.nodes.size} of ${view.wanted} here`,
    flow: `${rest} · open since ${formatClock(view.opened ?? now)} · by hand, on a node: ka agent --join`,
  };
};

const passLines = (view: SessionView, now: number): Lines => {
  const { number, of, stream, sourceBytes, expectedBytes, etaMs } = view.pass;
  const eta = etaMs === null ? '' : `  ETA ${formatDuration(etaMs)}`;
  return {
    doing: `pass ${number} of ${of}${stream ? ` · ${stream}` : ''}`,
    clock: formatDuration(now - (view.started ?? now)) + eta,
    share: expectedBytes > 0 ? sourceBytes / expectedBytes : null,
    amount:
      expectedBytes > 0
        ? formatShare(Math.min(sourceBytes, expectedBytes), expectedBytes)
        : `${formatBytes(sourceBytes)} so far`,
    flow: tellFlow(view),
  };
};

/** Before the first and after the last pass: what nodes do by themselves. */
const nodeWorkLines = (view: SessionView, now: number): Lines => {
  const nodes = [...view.nodes.values()];
  const preparing = view.totals.length === 0 && view.pass.number === 0;
  const through = preparing
    ? nodes.filter((node) => node.state === 'ready').length
    : nodes.filter(({ state }) => clonedStates.has(state)).length;
  const out = nodes.filter(isOut).length;
  const word = preparing ? 'ready' : 'done';
  return {
    doing: preparing ? 'preparing the nodes' : 'finishing the nodes',
    clock: formatDuration((view.finished ?? now) - (view.started ?? now)),
    share: nodes.length > 0 ? through / nodes.length : null,
    amount: `${through} of ${nodes.length} ${word}`,
    flow: out > 0 ? `${count(out, 'node')} out` : 'all nodes well',
  };
};

/** The chain stands, but how to send is still being found out. */
const measuringLines = (view: SessionView, now: number, inChain: number): Lines => ({
  doing: 'measuring the chain',
  clock: formatDuration(now - (view.started ?? now)),
  share: null,
  amount: `${count(inChain, 'node')} in the chain`,
  flow: 'sending noise, to see how fast the chain is and whether compression pays',
});

const openingLines = (): Lines => ({
  doing: 'opening the session',
  clock: '',
  share: null,
  amount: '',
  flow: '',
});

const runningLines = (view: SessionView, now: number): Lines => {
  if (view.pass.running) return passLines(view, now);
  const inChain = [...view.nodes.values()].filter(({ state }) => state === 'receiving').length;
  return inChain > 0 ? measuringLines(view, now, inChain) : nodeWorkLines(view, now);
};

const headerLines = (view: SessionView, now: number): Lines => {
  switch (view.phase) {
    case 'opening':
      return openingLines();
    case 'waiting':
      return waitingLines(view, now);
    case 'running':
      return runningLines(view, now);
    case 'finished':
      return { ...nodeWorkLines(view, now), doing: 'session over' };
  }
};

/** How long, how much, and what limits: the three lines that answer the questions. */
export const Header = ({
  view,
  now,
  width,
}: {
  view: SessionView;
  now: number;
  width: number;
}): ReactNode => {
  const { doing, clock, share, amount, flow } = headerLines(view, now);
  const barWidth = Math.max(0, width - amount.length - 4);
  return (
    <Box flexDirection="column" flexShrink={0}>
      <Box width={width} justifyContent="space-between">
        <Text wrap="truncate">
          {' '}
          <Text bold>ka</Text>
          {view.name === '' ? '' : ' · '}
          <Text color={ACCENT} bold>
            {view.name}
          </Text>
          {view.network === null ? '' : ` · ${view.network} network`}
          {` · ${doing}`}
        </Text>
        <Box flexShrink={0} marginLeft={1}>
          <Text bold>{`${clock} `}</Text>
        </Box>
      </Box>
      <Text wrap="truncate">
        {' '}
        <Text color={ACCENT}>{formatBar(share ?? 0, barWidth)}</Text>
        {`  ${amount} `}
      </Text>
      {view.failure ? (
        <Text wrap="truncate" color={ERROR}>{` ✗ ${view.failure.message}`}</Text>
      ) : (
        <Text wrap="truncate">{` ${flow}`}</Text>
      )}
    </Box>
  );
};
