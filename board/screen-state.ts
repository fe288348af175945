/** What the operator is looking at: which screen, which node, which filter. */
import { currentStep, isOut, type NodeView } from './node-view.ts';
import { nodesInOrder, type SessionView } from './session-view.ts';

export interface ScreenState {
  readonly screen: 'board' | 'log' | 'detail' | 'help';
  /** A question or input in the key line, which then takes all keys. */
  readonly asking: 'stop' | 'eject' | 'admit' | 'deny' | 'filter' | null;
  /** Of the machine `admit` and `deny` ask about: another may come on top meanwhile. */
  readonly code: string | null;
  readonly selected: number | null;
  readonly filter: string;
  /** Lines the log is scrolled up from its end. */
  readonly scroll: number;
}

export const firstScreen: ScreenState = {
  screen: 'board',
  asking: null,
  code: null,
  selected: null,
  filter: '',
  scroll: 0,
};

const matches = (node: NodeView, filter: string): boolean =>
  [node.name, node.address, node.state, currentStep(node)?.name ?? '', node.why ?? '']
    .join(' ')
    .toLowerCase()
    .includes(filter.toLowerCase());

/**
 * The rows to show. When they do not all fit into `lines`, those that need
 * somebody come first; when they do, nobody changes place.
 */
export const visibleNodes = (view: SessionView, filter: string, lines: number): NodeView[] => {
  const nodes = nodesInOrder(view).filter((node) => matches(node, filter));
  if (nodes.length <= lines) return nodes;
  return [...nodes.filter(isOut), ...nodes.filter((node) => !isOut(node))];
};

/** The node `step` rows further down, from none: the first. */
export const selectFrom = (
  nodes: readonly NodeView[],
  selected: number | null,
  step: number,
): number | null => {
  const at = nodes.findIndex((node) => node.node === selected);
  const to = at < 0 ? 0 : Math.min(nodes.length - 1, Math.max(0, at + step));
  return nodes[to]?.node ?? null;
};
