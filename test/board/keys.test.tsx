import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { cleanup, render } from 'ink-testing-library';
import { BoardScreen } from '../../board/BoardScreen.tsx';
import { ViewStore } from '../../board/view-store.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import { inTransfer, node, open, T0, wholeSession } from './session-events.ts';
import { source } from './source.ts';

const DOWN = '\u001b[B';
const ENTER = '\r';
const ESCAPE = '\u001b';
const CTRL_C = '\u0003';

const stores: ViewStore[] = [];

/** A board after some events, with the calls its keys made. */
const start = async (events: readonly SessionEvent[]) => {
  const { subscribe, emit } = source();
  const store = new ViewStore(subscribe, 0);
  stores.push(store);
  const calls: string[] = [];
  const actions = {
    start: () => calls.push('start'),
    eject: (number: number) => calls.push(`eject ${number}`),
    retry: (number: number) => calls.push(`retry ${number}`),
    admit: (code: string) => calls.push(`admit ${code}`),
    deny: (code: string) => calls.push(`deny ${code}`),
    stop: () => calls.push('stop'),
    join: () => undefined,
  };
  const now = () => T0 + 212_000;
  const { stdin, lastFrame } = render(<BoardScreen store={store} actions={actions} now={now} />);
  for (const event of events) emit(event);
  await sleep(60);
  const lines = () => stripVTControlCharacters(lastFrame() ?? '').split('\n');
  return {
    calls,
    text: () => lines().join('\n'),
    keys: () => lines().at(-1) ?? '',
    press: async (...keys: string[]) => {
      for (const key of keys) {
        stdin.write(key);
        // A lone escape is told from the start of a sequence by the pause after it.
        await sleep(key === ESCAPE ? 150 : 40);
      }
    },
  };
};

afterEach(() => {
  cleanup();
  for (const store of stores.splice(0)) store.close();
});

const waiting = [open(0, 3), node(1, 1, 'waiting'), node(2, 2, 'waiting')];

describe('keys', () => {
  test('s starts while nodes wait, and is neither shown nor obeyed later', async () => {
    const early = await start(waiting);
    expect(early.keys()).toContain('s start now');
    await early.press('s');
    expect(early.calls).toEqual(['start']);
    const later = await start(inTransfer());
    expect(later.keys()).not.toContain('start');
    await later.press('s');
    expect(later.calls).toEqual([]);
  });

  test('s is not there before the first node', async () => {
    const board = await start([open(0, 3)]);
    expect(board.keys()).not.toContain('start');
    await board.press('s');
    expect(board.calls).toEqual([]);
  });

  test('arrows select a node, e takes it out once confirmed by name', async () => {
    const board = await start(inTransfer());
    await board.press('e');
    expect(board.calls).toEqual([]);
    await board.press(DOWN, DOWN, 'e');
    expect(board.keys()).toContain('Take node02 out of this session?');
    await board.press('n');
    expect(board.calls).toEqual([]);
    await board.press('e', 'y');
    expect(board.calls).toEqual(['eject 2']);
  });

  test('r gives another pass, only to nodes that are out', async () => {
    const board = await start(inTransfer());
    await board.press(DOWN, 'r');
    expect(board.calls).toEqual([]);
    await board.press(DOWN, DOWN, DOWN);
    expect(board.keys()).toContain('r retry');
    await board.press('r');
    expect(board.calls).toEqual(['retry 4']);
  });

  test('q asks before it stops', async () => {
    const board = await start(inTransfer());
    await board.press('q');
    expect(board.keys()).toContain('Stop the session?');
    await board.press('x', 's', ESCAPE);
    expect(board.calls).toEqual([]);
    expect(board.keys()).toContain('q stop');
    await board.press('q', 'y');
    expect(board.calls).toEqual(['stop']);
  });

  test('Ctrl-C asks, a second one means it', async () => {
    const board = await start(waiting);
    await board.press(CTRL_C);
    expect(board.calls).toEqual([]);
    await board.press(CTRL_C);
    expect(board.calls).toEqual(['stop']);
  });

  test('enter shows the selected node in full, escape goes back', async () => {
    const board = await start(wholeSession().slice(0, -1));
    await board.press(DOWN, DOWN, DOWN, ENTER);
    expect(board.text()).toContain('why: CommandFailed: grub-install /dev/sda exited 1');
    expect(board.text()).toContain('| grub-install: error: no space left on device.');
    expect(board.text()).toMatch(/✓ format sda1 +00:00:02 {2}ext4/);
    expect(board.text()).toMatch(/✗ bootloader/);
    await board.press(ESCAPE);
    expect(board.text()).toContain('golden ▸ node01');
  });

  test('/ filters by what is typed, keys of the board included, until it is cleared', async () => {
    const board = await start(inTransfer());
    await board.press('/', ...'bypas', ...'sed', ENTER);
    expect(board.text()).toContain('filter "bypassed": 1 of 4');
    expect(board.text()).not.toMatch(/ 1 node01/);
    expect(board.calls).toEqual([]);
    await board.press(ESCAPE);
    expect(board.text()).toMatch(/ 1 node01/);
  });

  test('l shows the whole log, lines of the nodes included', async () => {
    const board = await start(inTransfer());
    expect(board.text()).not.toContain('format sda1 done in 2.0 s');
    await board.press('l');
    expect(board.text()).toContain('node04: format sda1 done in 2.0 s: ext4');
    await board.press('l');
    expect(board.text()).toContain('golden ▸ node01');
  });

  test('? explains keys and signs', async () => {
    const board = await start(waiting);
    await board.press('?');
    expect(board.text()).toContain('take the selected node out of this session');
  });
});
