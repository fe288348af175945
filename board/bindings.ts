/**
 * The keys that do something right now. What is not in the list is neither
 * shown nor obeyed, so no key is without an effect.
 */
import type { Key } from 'ink';
import type { BoardActions } from './actions.ts';
import { isOut, isOver, type NodeView } from './node-view.ts';
import { spaced } from './RequestLines.tsx';
import { firstScreen, type ScreenState, selectFrom } from './screen-state.ts';
import { nodeName, type RequestView, type SessionView } from './session-view.ts';

export interface Binding {
  /** As shown: "s", "enter", "↑↓". */
  readonly key: string;
  readonly label: string;
  readonly matches: (input: string, key: Key) => boolean;
  readonly press: (input: string, key: Key) => void;
}

export interface BindingContext {
  readonly view: SessionView;
  readonly state: ScreenState;
  /** Rows of the board in their order. */
  readonly nodes: readonly NodeView[];
  /** Lines one page of the log or table has. */
  readonly pageLines: number;
  readonly actions: BoardActions;
  readonly set: (change: Partial<ScreenState>) => void;
}

const letter =
  (wanted: string) =>
  (input: string, key: Key): boolean =>
    input === wanted && !key.ctrl && !key.meta;
const escapeKey = (_input: string, key: Key): boolean => key.escape;
const enter = (_input: string, key: Key): boolean => key.return;
const interrupt = (input: string, key: Key): boolean => key.ctrl && input === 'c';
const upOrDown = (_input: string, key: Key): boolean =>
  key.upArrow || key.downArrow || key.pageUp || key.pageDown;

const stepOf = (key: Key, page: number): number =>
  (key.pageUp || key.pageDown ? page : 1) * (key.upArrow || key.pageUp ? -1 : 1);

const questionKeys = (yes: () => void, no: () => void): Binding[] => [
  // A second Ctrl-C means it.
  { key: 'y', label: 'yes', matches: (i, k) => letter('y')(i, k) || interrupt(i, k), press: yes },
  { key: 'n', label: 'no', matches: (i, k) => letter('n')(i, k) || escapeKey(i, k), press: no },
];

const filterKeys = ({ state, set }: BindingContext): Binding[] => [
  { key: 'enter', label: 'keep', matches: enter, press: () => set({ asking: null }) },
  {
    key: 'esc',
    label: 'clear',
    matches: (input, key) => escapeKey(input, key) || interrupt(input, key),
    press: () => set({ asking: null, filter: '' }),
  },
  {
    key: '',
    label: '',
    matches: (_input, key) => key.backspace || key.delete,
    press: () => set({ filter: state.filter.slice(0, -1) }),
  },
  {
    key: '',
    label: '',
    matches: (input, key) => /^[ -~]+$/.test(input) && !key.ctrl && !key.meta,
    press: (input) => set({ filter: state.filter + input }),
  },
];

/** Keys for the node the operator has chosen. */
const nodeKeys = ({ view, state, actions, set }: BindingContext): Binding[] => {
  const node = state.selected === null ? undefined : view.nodes.get(state.selected);
  if (!node || view.phase === 'finished') return [];
  const eject: Binding = {
    key: 'e',
    label: 'eject',
    matches: letter('e'),
    press: () => set({ asking: 'eject' }),
  };
  const retry: Binding = {
    key: 'r',
    label: 'retry',
    matches: letter('r'),
    press: () => actions.retry(node.node),
  };
  return [
    ...(isOver(node) ? [] : [eject]),
    ...(isOut(node) && node.state !== 'refused' ? [retry] : []),
  ];
};

/** Keys for the machine that asked first. */
const requestKeys = ({ view, set }: BindingContext): Binding[] => {
  const [first] = view.requests;
  if (!first) return [];
  const { code } = first;
  return [
    {
      key: 'a',
      label: 'admit',
      matches: letter('a'),
      press: () => set({ asking: 'admit', code }),
    },
    { key: 'd', label: 'deny', matches: letter('d'), press: () => set({ asking: 'deny', code }) },
  ];
};

/** The machine a question is about, if it still asks. */
const askedAbout = (view: SessionView, { code }: ScreenState): RequestView | undefined =>
  view.requests.find((request) => request.code === code);

const stopKey = ({ set }: BindingContext): Binding => ({
  key: 'q',
  label: 'stop',
  matches: (input, key) => letter('q')(input, key) || interrupt(input, key),
  press: () => set({ asking: 'stop' }),
});

const helpKey = ({ set }: BindingContext): Binding => ({
  key: '?',
  label: 'help',
  matches: letter('?'),
  press: () => set({ screen: 'help' }),
});

const backKey = ({ set }: BindingContext, also: (input: string, key: Key) => boolean): Binding => ({
  key: 'esc',
  label: 'back',
  matches: (input, key) => escapeKey(input, key) || also(input, key),
  press: () => set({ screen: 'board', scroll: 0 }),
});

const boardKeys = (context: BindingContext): Binding[] => {
  const { view, state, nodes, pageLines, actions, set } = context;
  const present = [...view.nodes.values()].some((node) => node.state === 'waiting');
  const start: Binding = {
    key: 's',
    label: 'start now',
    matches: letter('s'),
    press: () => actions.start(),
  };
  const select: Binding = {
    key: '↑↓',
    label: 'select',
    matches: upOrDown,
    press: (_input, key) =>
      set({ selected: selectFrom(nodes, state.selected, stepOf(key, pageLines)) }),
  };
  const detail: Binding = {
    key: 'enter',
    label: 'detail',
    matches: enter,
    press: () => set({ screen: 'detail' }),
  };
  const clear: Binding = {
    key: 'esc',
    label: 'all',
    matches: escapeKey,
    press: () => set({ filter: '' }),
  };
  const chosen = state.selected !== null && view.nodes.has(state.selected);
  return [
    ...requestKeys(context),
    ...(view.phase === 'waiting' && present ? [start] : []),
    ...(nodes.length > 0 ? [select] : []),
    ...nodeKeys(context),
    ...(chosen ? [detail] : []),
    {
      key: 'l',
      label: 'log',
      matches: letter('l'),
      press: () => set({ screen: 'log', scroll: 0 }),
    },
    ...(view.nodes.size > 0
      ? [
          {
            key: '/',
            label: 'filter',
            matches: letter('/'),
            press: () => set({ asking: 'filter' }),
          },
        ]
      : []),
    ...(state.filter === '' ? [] : [clear]),
    stopKey(context),
    helpKey(context),
  ];
};

const logKeys = (context: BindingContext): Binding[] => {
  const { view, state, pageLines, set } = context;
  const furthest = Math.max(0, view.log.length - pageLines);
  const scroll: Binding = {
    key: '↑↓',
    label: 'scroll',
    matches: upOrDown,
    press: (_input, key) =>
      set({
        scroll: Math.min(furthest, Math.max(0, state.scroll - stepOf(key, pageLines))),
      }),
  };
  return [...(furthest > 0 ? [scroll] : []), backKey(context, letter('l')), stopKey(context)];
};

/** The question in the key line, if one is open. */
export const question = (view: SessionView, state: ScreenState): string | null => {
  if (state.asking === 'stop') {
    return view.phase === 'running'
      ? 'Stop the session? Nodes that are not done stay unfinished.'
      : 'Stop the session? Nothing has been written yet.';
  }
  if (state.asking === 'eject' && state.selected !== null) {
    return `Take ${nodeName(view, state.selected)} out of this session?`;
  }
  const request = askedAbout(view, state);
  if (state.asking === 'admit') {
    return request
      ? `Let in ${request.name}? Its own screen must show ${spaced(request.code)}.`
      : 'It asks no more.';
  }
  if (state.asking === 'deny') return `Turn away ${request?.name ?? 'it'}?`;
  return state.asking === 'filter' ? `filter: ${state.filter}▏` : null;
};

/** All keys that work now, in the order they are shown. */
export const bindings = (context: BindingContext): Binding[] => {
  const { state, actions, set } = context;
  const close = () => set({ asking: null, code: null });
  switch (state.asking) {
    case 'filter':
      return filterKeys(context);
    case 'stop':
      return questionKeys(() => {
        set({ ...firstScreen, filter: state.filter });
        actions.stop();
      }, close);
    case 'admit':
      return questionKeys(() => {
        close();
        if (state.code !== null) actions.admit(state.code);
      }, close);
    case 'deny':
      return questionKeys(() => {
        close();
        if (state.code !== null) actions.deny(state.code);
      }, close);
    case 'eject':
      return questionKeys(() => {
        close();
        if (state.selected !== null) actions.eject(state.selected);
      }, close);
    case null:
      break;
  }
  switch (state.screen) {
    case 'board':
      return boardKeys(context);
    case 'log':
      return logKeys(context);
    case 'detail':
      return [...nodeKeys(context), backKey(context, enter), stopKey(context)];
    case 'help':
      return [backKey(context, letter('?')), stopKey(context)];
  }
};
