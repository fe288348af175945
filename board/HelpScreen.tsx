import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { ACCENT } from './colors.ts';
import { fitLeft } from './format.ts';

const LINES: readonly (readonly [string, string])[] = [
  ['s', 'start now with the nodes that are here (while waiting)'],
  ['↑ ↓', 'select a node; page up and page down go faster'],
  ['enter', 'everything about the selected node: why, steps, its log'],
  ['a', 'let in the machine that asks on top (compare its code with its own screen)'],
  ['d', 'turn that machine away'],
  ['e', 'take the selected node out of this session (asks first)'],
  ['r', 'give the selected node that is out another pass'],
  ['l', 'the whole log'],
  ['/', 'show only nodes whose name, address, state, step or reason has these letters'],
  ['q', 'stop the session (asks first)'],
  ['', ''],
  ['▸ ✓ ✗ ·', 'at work, done, out, waits for others'],
  ['◂', 'the node that holds the chain back'],
  ['behind', 'what the golden has sent and this node has not yet received'],
  ['–', 'not in the chain'],
];

/** What the keys and signs mean. The key line shows only the keys that work at that moment. */
export const HelpScreen = ({ lines }: { lines: number }): ReactNode => (
  <Box flexDirection="column" height={lines} flexShrink={0} overflow="hidden">
    {LINES.map(([sign, meaning]) => (
      <Text key={sign + meaning} wrap="truncate">
        {'  '}
        <Text color={ACCENT} bold>
          {fitLeft(sign, 9)}
        </Text>
        {meaning}
      </Text>
    ))}
  </Box>
);
