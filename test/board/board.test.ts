import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { startBoard } from '../../board/board.tsx';
import type { SessionEvent } from '../../protocol/events.ts';
import { inTransfer, progress, wholeSession } from './session-events.ts';
import { source } from './source.ts';
import { terminal } from './terminal.ts';

const ENTER_ALTERNATE = '\u001b[?1049h';
const LEAVE_ALTERNATE = '\u001b[?1049l';
const SHOW_CURSOR = '\u001b[?25h';

const nothing = () => undefined;
const actions = {
  start: nothing,
  eject: nothing,
  retry: nothing,
  admit: nothing,
  deny: nothing,
  stop: nothing,
  join: nothing,
};

describe('the board on a terminal', () => {
  test('gives the terminal back at the end and leaves the summary in its scrollback', async () => {
    const { subscribe, emit } = source();
    const screen = terminal(80, 24);
    const board = startBoard(subscribe, actions, screen);
    for (const event of wholeSession()) emit(event);
    await board.done();
    const [drawn, after] = screen.written().split(LEAVE_ALTERNATE);
    expect(drawn).toContain(ENTER_ALTERNATE);
    expect(screen.written().lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(0);
    expect(screen.isRaw()).toBe(false);
    const summary = stripVTControlCharacters(after ?? '');
    expect(summary).toContain('Total data sent = 792 Megs\n');
    expect(summary).toContain(' ✓ node01  10.0.1.101       done       00:05:00  1.91 GiB\n');
    expect(summary).toContain('To do for node03: its disk may be half written');
  });

  test('ends without an end of the session when it is closed', async () => {
    const { subscribe, emit } = source();
    const screen = terminal(80, 24);
    const board = startBoard(subscribe, actions, screen);
    for (const event of inTransfer()) emit(event);
    board.close();
    await board.done();
    expect(screen.written()).toContain(LEAVE_ALTERNATE);
    expect(screen.isRaw()).toBe(false);
  });

  test('draws at most five times a second however many events come', async () => {
    const { subscribe, emit } = source();
    const screen = terminal(80, 24);
    const board = startBoard(subscribe, actions, screen);
    for (const event of inTransfer()) emit(event);
    await sleep(500);
    const before = screen.writes.length;
    for (let tick = 0; tick < 100; tick += 1) {
      emit(progress(212 + tick, 616 + tick, { 1: 1, 2: 4, 3: 4 }, 'node02: disk'));
      await sleep(10);
    }
    const drawn = screen.writes
      .slice(before)
      .filter((text) => stripVTControlCharacters(text).trim() !== '');
    expect(drawn.length).toBeGreaterThan(2);
    // Five for the events of one second, and the clock's.
    expect(drawn.length).toBeLessThanOrEqual(8);
    board.close();
    await board.done();
  });

  test('goes on in plain lines, terminal given back, when drawing fails', async () => {
    const { subscribe, emit } = source();
    const screen = terminal(80, 24);
    const board = startBoard(subscribe, actions, screen);
    for (const event of inTransfer()) emit(event);
    await sleep(300);
    // A number no clock can show: the header throws while it draws.
    const broken = { ...progress(213, 620, {}, null), etaMs: 1n } as unknown as SessionEvent;
    emit(broken);
    await sleep(500);
    expect(screen.written()).toContain(LEAVE_ALTERNATE);
    expect(screen.isRaw()).toBe(false);
    for (const event of wholeSession().slice(inTransfer().length)) emit(event);
    await board.done();
    const after = screen.written().slice(screen.written().lastIndexOf(LEAVE_ALTERNATE));
    expect(after).toContain('The session goes on in plain lines.\n');
    expect(after).toContain('node01 is done\n');
    expect(after).toContain('Session lab-24: 2 of 4 nodes cloned');
  });
});
