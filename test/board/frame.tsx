/** One picture of the board after some events, as text. */
import { stripVTControlCharacters } from 'node:util';
import { render } from 'ink';
import { BoardScreen } from '../../board/BoardScreen.tsx';
import { ViewStore } from '../../board/view-store.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import { source } from './source.ts';
import { terminal } from './terminal.ts';

const nothing = () => undefined;

export const JOIN = `10.0.1.42:30765/${'abcdefghijklmnopqrstuvwxyz'}/${'234567abcdefghijklmnopqrst'}`;

/** Draws on `columns` × `rows` at the time `now` (milliseconds since 1970), colours included. */
export const drawFrame = async (
  events: readonly SessionEvent[],
  columns: number,
  rows: number,
  now: number,
): Promise<string> => {
  const { subscribe, emit } = source();
  const store = new ViewStore(subscribe, 0);
  for (const event of events) emit(event);
  await new Promise<void>((resolve) => store.listen(resolve));
  const { stdout, stdin, writes } = terminal(columns, rows);
  const actions = {
    start: nothing,
    eject: nothing,
    retry: nothing,
    admit: nothing,
    deny: nothing,
    stop: nothing,
    join: () => JOIN,
  };
  const screen = render(<BoardScreen store={store} actions={actions} now={() => now} />, {
    stdout,
    stdin,
    debug: true,
    patchConsole: false,
    exitOnCtrlC: false,
  });
  await screen.waitUntilRenderFlush();
  const frame = writes.findLast((text) => text.includes('ka')) ?? '';
  screen.unmount();
  store.close();
  return frame;
};

/** The lines of such a picture, without colours. */
export const frameLines = async (
  ...args: Parameters<typeof drawFrame>
): Promise<readonly string[]> =>
  stripVTControlCharacters(await drawFrame(...args))
    .replace(/\n$/, '')
    .split('\n');
