import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { levelPaint, nodePaint } from './colors.ts';
import { fitLeft, formatBytes, formatDuration, formatRate } from './format.ts';
import { Happenings } from './Happenings.tsx';
import { type NodeView, type StepView, stateSign } from './node-view.ts';
import type { SessionView } from './session-view.ts';

const STEP_SIGNS = { running: '▸', finish: '✓', skip: '–', fail: '✗' } as const;

const Step = ({ step, now }: { step: StepView; now: number }): ReactNode => {
  const took = formatDuration((step.finished ?? now) - step.started);
  const text = ` ${STEP_SIGNS[step.state]} ${fitLeft(step.name, 28)} ${took}  ${step.detail ?? ''}`;
  return (
    <Text wrap="truncate" {...levelPaint(step.state === 'fail' ? 'error' : 'info')}>
      {text}
    </Text>
  );
};

const Facts = ({ view, node }: { view: SessionView; node: NodeView }): ReactNode => {
  const place = view.chain.indexOf(node.node);
  const names = ['golden', ...view.chain.map((other) => view.nodes.get(other)?.name ?? '?')];
  const chain =
    place < 0
      ? 'not in the chain'
      : `${place + 1} in the chain, from ${names[place]}, to ${names[place + 2] ?? 'nobody'}`;
  const limit = node.limit ? `, waits for ${node.limit}` : '';
  return (
    <>
      <Text wrap="truncate">
        <Text bold>{` ${node.name}`}</Text>
        {`  ${node.address}  ${node.mac ?? ''}  ${chain}`}
      </Text>
      <Text wrap="truncate">
        <Text {...nodePaint(node)}>{` ${stateSign(node.state)} ${node.state}`}</Text>
        {`  ${formatRate(node.rate)}, ${formatBytes(node.behind)} behind${limit}`}
      </Text>
      <Text wrap="truncate">
        {`   received ${formatBytes(node.received)}, on disk ${formatBytes(node.drained)} of the line`}
      </Text>
    </>
  );
};

export interface DetailScreenProps {
  view: SessionView;
  node: NodeView;
  now: number;
  lines: number;
}

/** One node in full: why in whole sentences, its steps, its last lines. */
export const DetailScreen = ({ view, node, now, lines }: DetailScreenProps): ReactNode => {
  const output = (node.failure?.output ?? '').split('\n').filter((line) => line !== '');
  const logLines = Math.max(2, Math.floor(lines / 4));
  const reason = node.failure ? `${node.failure.code}: ${node.failure.message}` : node.why;
  const stepLines = Math.max(1, lines - logLines - output.length - (reason ? 6 : 4));
  return (
    <Box flexDirection="column" height={lines} flexShrink={0} overflow="hidden">
      <Facts view={view} node={node} />
      {reason ? <Text {...nodePaint(node)}>{` why: ${reason}`}</Text> : null}
      {output.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
        <Text key={at} wrap="truncate" dimColor>{`   | ${line}`}</Text>
      ))}
      {node.steps.slice(-stepLines).map((step) => (
        <Step key={`${step.name} ${step.started}`} step={step} now={now} />
      ))}
      <Box flexGrow={1} />
      <Happenings
        happenings={view.log.filter((line) => line.node === node.node)}
        lines={logLines}
      />
    </Box>
  );
};
