import { Box, useInput, useStdin, useWindowSize } from 'ink';
import { type ReactNode, useState } from 'react';
import type { BoardActions } from './actions.ts';
import { bindings, question } from './bindings.ts';
import { ChainLine } from './ChainLine.tsx';
import { DetailScreen } from './DetailScreen.tsx';
import { Happenings } from './Happenings.tsx';
import { Header } from './Header.tsx';
import { HelpScreen } from './HelpScreen.tsx';
import { KeyLine } from './KeyLine.tsx';
import { LogScreen } from './LogScreen.tsx';
import { boardLines, screenLines } from './layout.ts';
import { NodeTable } from './NodeTable.tsx';
import { MOST_REQUEST_LINES, RequestLines } from './RequestLines.tsx';
import { firstScreen, type ScreenState, visibleNodes } from './screen-state.ts';
import type { SessionView } from './session-view.ts';
import { useNow } from './use-now.ts';
import { useView } from './use-view.ts';
import type { ViewStore } from './view-store.ts';

interface MainProps {
  view: SessionView;
  state: ScreenState;
  now: number;
  width: number;
  height: number;
  join: string | undefined;
}

/** Rows of the table, where machines that ask take some of its lines. */
const tableLines = (view: SessionView, height: number): number =>
  Math.max(1, boardLines(height).nodes - Math.min(view.requests.length, MOST_REQUEST_LINES));

const Main = ({ view, state, now, width, height, join }: MainProps): ReactNode => {
  const { happenings, gap } = boardLines(height);
  const lines = tableLines(view, height);
  return (
    <>
      <Box marginBottom={gap} flexShrink={0}>
        <ChainLine view={view} width={width} join={join} />
      </Box>
      <RequestLines requests={view.requests} />
      <NodeTable
        view={view}
        nodes={visibleNodes(view, state.filter, lines)}
        now={now}
        width={width}
        lines={lines}
        selected={state.selected}
        filter={state.filter}
      />
      <Happenings
        happenings={view.log.filter(({ weight }) => weight === 'news')}
        lines={happenings}
      />
    </>
  );
};

const Middle = (props: MainProps): ReactNode => {
  const { view, state, now, height } = props;
  const lines = screenLines(height);
  const node = state.selected === null ? undefined : view.nodes.get(state.selected);
  if (state.screen === 'log') return <LogScreen view={view} lines={lines} scroll={state.scroll} />;
  if (state.screen === 'help') return <HelpScreen lines={lines} />;
  if (state.screen === 'detail' && node) {
    return <DetailScreen view={view} node={node} now={now} lines={lines} />;
  }
  return <Main {...props} />;
};

export interface BoardScreenProps {
  store: ViewStore;
  actions: BoardActions;
  /** The clock, milliseconds since 1970. */
  now: () => number;
}

/** The whole terminal: header, the chosen screen, keys. */
export const BoardScreen = ({ store, actions, now: clock }: BoardScreenProps): ReactNode => {
  const view = useView(store);
  const now = useNow(clock);
  const { columns: width, rows: height } = useWindowSize();
  const { isRawModeSupported } = useStdin();
  const [state, setState] = useState(firstScreen);
  const { gap } = boardLines(height);
  const rows = tableLines(view, height);
  const keys = bindings({
    view,
    state,
    nodes: visibleNodes(view, state.filter, rows),
    pageLines: state.screen === 'log' ? screenLines(height) : rows,
    actions,
    set: (change) => setState((old) => ({ ...old, ...change })),
  });
  useInput((input, key) => keys.find((binding) => binding.matches(input, key))?.press(input, key), {
    isActive: isRawModeSupported,
  });
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden">
      <Box marginBottom={gap} flexShrink={0}>
        <Header view={view} now={now} width={width} />
      </Box>
      <Middle
        view={view}
        state={state}
        now={now}
        width={width}
        height={height}
        join={actions.join()}
      />
      <Box flexGrow={1} />
      {isRawModeSupported ? (
        <KeyLine keys={keys} question={question(view, state)} width={width} />
      ) : null}
    </Box>
  );
};
