import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { levelPaint } from './colors.ts';
import { formatClock } from './format.ts';
import type { Happening } from './happenings.ts';

const SIGNS = { info: ' ', warning: '!', error: '✗' } as const;

/** Sentences with their time, the newest last, in exactly `lines` lines. */
export const Happenings = ({
  happenings,
  lines,
}: {
  happenings: readonly Happening[];
  lines: number;
}): ReactNode => (
  <Box flexDirection="column" height={lines} flexShrink={0}>
    {happenings.slice(-lines).map(({ time, level, text }, at) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
      <Text key={at} wrap="truncate">
        <Text dimColor>{` ${formatClock(time)} `}</Text>
        <Text {...levelPaint(level)}>{`${SIGNS[level]} ${text}`}</Text>
      </Text>
    ))}
  </Box>
);
