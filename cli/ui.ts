/** Chooses how a session's progress is shown. */
import process from 'node:process';
import type { BoardActions } from '../board/actions.ts';
import { startJson } from '../board/json.ts';
import { startPlain } from '../board/plain.ts';
import type { Subscribe } from '../board/subscribe.ts';
import { guarded } from '../system/guard.ts';

export type UiMode = 'board' | 'plain' | 'json';

export interface Ui {
  /** Resolves when everything is shown. */
  done(): Promise<void>;
}

/** Neither a full disk nor a reader that left ends the session: the journal has the same. */
const write = guarded(
  (line: string) => {
    process.stdout.write(`${line}\n`);
  },
  () => undefined,
);

/** The board where there is a terminal to draw on, plain lines elsewhere. */
export const startUi = async (
  mode: UiMode | undefined,
  subscribe: Subscribe,
  actions: BoardActions,
): Promise<Ui> => {
  process.stdout.on('error', () => undefined);
  const chosen = mode ?? (process.stdout.isTTY && process.stdin.isTTY ? 'board' : 'plain');
  if (chosen === 'board') {
    // Only here: Ink and React take a while to load and agents never need them.
    const { startBoard } = await import('../board/board.tsx');
    return startBoard(subscribe, actions, process);
  }
  const start = chosen === 'json' ? startJson : startPlain;
  const stop = start(subscribe, write);
  return {
    done: () => {
      stop();
      return Promise.resolve();
    },
  };
};
