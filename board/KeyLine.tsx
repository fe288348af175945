import { Text } from 'ink';
import type { ReactNode } from 'react';
import type { Binding } from './bindings.ts';
import { ACCENT, WARNING } from './colors.ts';

/** The last line: an open question, and the keys that work. */
export const KeyLine = ({
  keys,
  question,
}: {
  keys: readonly Binding[];
  question: string | null;
}): ReactNode => (
  <Text wrap="truncate">
    {' '}
    {question ? <Text color={WARNING}>{`${question}  `}</Text> : null}
    {keys
      .filter(({ label }) => label !== '')
      .map(({ key, label }) => (
        <Text key={key}>
          <Text color={ACCENT} bold>
            {key}
          </Text>{' '}
          {label}
          {'  '}
        </Text>
      ))}
  </Text>
);
