/** The live board: draws a session on a terminal until it is over. */
import { render } from 'ink';
import type { SessionEvent } from '../protocol/events.ts';
import type { BoardActions } from './actions.ts';
import { BoardScreen } from './BoardScreen.tsx';
import { startPlain } from './plain.ts';
import type { Subscribe } from './subscribe.ts';
import { summaryLines } from './summary.ts';
import { ViewStore } from './view-store.ts';

/** Events change the picture at most this often, in milliseconds. */
const REDRAW_MS = 200;

export interface Terminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
}

export interface Board {
  /**
   * Resolves once the session is over (or `close` was called), the terminal is
   * as it was before, and the summary stands in its scrollback.
   */
  done(): Promise<void>;
  /** Ends the board before the session has ended, for example when the golden fails. */
  close(): void;
}

/**
 * Takes the terminal over. When drawing fails the terminal is given back and
 * the session goes on in plain lines: a broken picture must not cost a clone.
 */
export const startBoard = (
  subscribe: Subscribe,
  actions: BoardActions,
  { stdout, stdin }: Terminal,
): Board => {
  const write = (line: string): void => {
    stdout.write(`${line}\n`);
  };
  const store = new ViewStore(subscribe, REDRAW_MS);
  const screen = render(<BoardScreen store={store} actions={actions} now={Date.now} />, {
    stdout,
    stdin,
    exitOnCtrlC: false,
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    maxFps: 10,
  });
  const over = Promise.withResolvers<void>();
  const unsubscribe = subscribe((event: SessionEvent) => {
    if (event.kind === 'session' && event.state === 'finished') over.resolve();
  });
  const drawn = screen.waitUntilExit().then(
    () => true,
    (error: unknown) => {
      write(`The board failed: ${error instanceof Error ? error.message : String(error)}`);
      write('The session goes on in plain lines.');
      return false;
    },
  );
  const goPlain = async (): Promise<void> => {
    const stopPlain = startPlain(subscribe, write, store.latest);
    await over.promise;
    stopPlain();
  };
  const run = async (): Promise<void> => {
    const failed = await Promise.race([
      over.promise.then(() => false),
      drawn.then((well) => !well),
    ]);
    if (failed) await goPlain();
    screen.unmount();
    await drawn;
    unsubscribe();
    store.close();
    if (!failed) for (const line of summaryLines(store.latest)) write(line);
  };
  const running = run();
  return { done: () => running, close: over.resolve };
};
