import { Text } from 'ink';
import type { ReactNode } from 'react';
import { ACCENT, WARNING } from './colors.ts';
import { count } from './format.ts';
import { isOut } from './node-view.ts';
import { nodeName, type SessionView } from './session-view.ts';

const ARROW = ' ▸ ';

/** The chain in order, its middle left out when it does not fit into `width` cells. */
export const drawChain = (names: readonly string[], width: number): string => {
  const whole = ['golden', ...names].join(ARROW);
  if (whole.length <= width) return whole;
  const last = names.at(-1) ?? '';
  for (let head = names.length - 2; head >= 0; head -= 1) {
    const left = names.length - 1 - head;
    const drawn = ['golden', ...names.slice(0, head), `… ${left} more …`, last].join(ARROW);
    if (drawn.length <= width) return drawn;
  }
  return `golden${ARROW}${count(names.length, 'node')}`;
};

const drawOut = (view: SessionView, room: number): string => {
  const out = [...view.nodes.values()].filter(isOut);
  if (out.length === 0) return '';
  const [first] = out;
  const next = view.pass.number + 1;
  const one =
    first?.state === 'bypassed'
      ? `✗ ${first.name} bypassed, joins pass ${next}`
      : `✗ ${first?.name} ${first?.state}`;
  return out.length === 1 && one.length <= room ? one : `✗ ${count(out.length, 'node')} out`;
};

/** What to type on a node; the string alone where the line is short. */
const hint = (view: SessionView, width: number, join: string | undefined): string => {
  if (view.phase !== 'waiting') return 'no chain yet';
  if (join === undefined) return `open on ${view.address}`;
  const command = `ka agent --join ${join}`;
  return command.length < width ? command : join;
};

/** Who passes to whom, and who is out. */
export const ChainLine = ({
  view,
  width,
  join,
}: {
  view: SessionView;
  width: number;
  join: string | undefined;
}): ReactNode => {
  const names = view.chain.map((node) => nodeName(view, node));
  const shortest = Math.min(width, 'golden'.length + names.join(ARROW).length);
  const out = drawOut(view, Math.max(0, width - shortest - 8));
  if (names.length === 0) {
    return (
      <Text wrap="truncate">
        <Text dimColor>{` ${hint(view, width, join)}`}</Text>
        <Text color={WARNING}>{out ? `   ${out}` : ''}</Text>
      </Text>
    );
  }
  return (
    <Text wrap="truncate">
      {' '}
      <Text color={ACCENT}>{drawChain(names, width - 2 - (out ? out.length + 3 : 0))}</Text>
      {out ? <Text color={WARNING}>{`   ${out}`}</Text> : null}
    </Text>
  );
};
