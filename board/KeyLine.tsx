import { Text } from 'ink';
import type { ReactNode } from 'react';
import type { Binding } from './bindings.ts';
import { ACCENT, WARNING } from './colors.ts';

/** The last line: an open question, and the keys that work; close together where room is short. */
export const KeyLine = ({
  keys,
  question,
  width,
}: {
  keys: readonly Binding[];
  question: string | null;
  width: number;
}): ReactNode => {
  const shown = keys.filter(({ label }) => label !== '');
  const asked = question ? `${question}  ` : '';
  const length = shown.reduce((sum, { key, label }) => sum + key.length + label.length + 3, 1);
  const gap = asked.length + length > width + 2 ? ' ' : '  ';
  return (
    <Text wrap="truncate">
      {' '}
      {question ? <Text color={WARNING}>{asked}</Text> : null}
      {shown.map(({ key, label }) => (
        <Text key={key}>
          <Text color={ACCENT} bold>
            {key}
          </Text>
          {` ${label}${gap}`}
        </Text>
      ))}
    </Text>
  );
};
