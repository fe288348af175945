/** What nodes say is printable and bounded before anybody else sees it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { startJson } from '../../board/json.ts';
import { openJournal } from '../../golden/journal.ts';
import { NodeLogs } from '../../golden/node-logs.ts';
import { NodeMessage } from '../../protocol/control.ts';
import { SessionEvent } from '../../protocol/events.ts';
import { Inventory } from '../../protocol/inventory.ts';
import { parseMessage } from '../../protocol/parse-message.ts';
import { printable } from '../../system/printable.ts';

/** Escapes of both kinds, marks that turn the direction, ends of lines, half a character. */
const HOSTILE =
  'a\u001b[2Jb\u009b31mc\u0085d\u202ee\u2066f\u200fg\u2028h\u0007i\u001b]0;x\u0007j\ud800k\nl';
const SHOWN = 'abc?d?e?f?g?h?ij?k l';

const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal obeys
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

const heard = (message: object): NodeMessage => {
  const parsed = parseMessage(NodeMessage, JSON.stringify(message));
  if (!parsed) throw new Error('it does not fit');
  return parsed;
};

const failure = { code: HOSTILE, message: HOSTILE, output: `first\n${HOSTILE}` };
const shownFailure = { code: SHOWN, message: SHOWN, output: 'first\nabc?d?e?f?g?h?ij?k\nl' };

describe('messages of a node', () => {
  test.each([
    [
      { type: 'step', step: HOSTILE, state: 'fail', detail: HOSTILE, failure },
      { type: 'step', step: SHOWN, state: 'fail', detail: SHOWN, failure: shownFailure },
    ],
    [
      { type: 'warning', message: HOSTILE },
      { type: 'warning', message: SHOWN },
    ],
    [
      { type: 'trouble', pass: 1, epoch: 1, what: 'gone', message: HOSTILE },
      { type: 'trouble', pass: 1, epoch: 1, what: 'gone', message: SHOWN },
    ],
    [
      { type: 'phase', phase: 'failed', failure },
      { type: 'phase', phase: 'failed', failure: shownFailure },
    ],
    [
      { type: 'log', lines: [HOSTILE, 'plain'] },
      { type: 'log', lines: [SHOWN, 'plain'] },
    ],
  ])('are printable (%#)', (message, shown) => {
    expect(heard(message)).toEqual(shown);
  });

  test('are cut where they are too long, and still taken', () => {
    const long = 'x'.repeat(1_000_000);
    const step = heard({
      type: 'step',
      step: long,
      state: 'fail',
      detail: long,
      failure: { code: long, message: long, output: `${long}\n`.repeat(3) },
    });
    expect(JSON.stringify(step).length).toBeLessThan(25_000);
    expect(JSON.stringify(heard({ type: 'log', lines: [long] })).length).toBeLessThan(9000);
  });

  const position = {
    type: 'position',
    pass: 1,
    received: 0,
    drained: 0,
    linked: true,
    stream: null,
    streamBytes: 0,
    waiting: { upstream: 0, sink: 0, downstream: 0 },
  };
  const inventory = {
    hostname: 'x',
    macs: ['52:54:00:00:00:01'],
    firmware: 'bios',
    memoryBytes: 1,
    cores: 1,
    kernel: 'x',
    disks: [],
  };

  test.each([
    ['a negative position', { ...position, received: -1 }],
    ['a position beyond what is exact', { ...position, drained: 2 ** 53 }],
    ['half a byte', { ...position, streamBytes: 0.5 }],
    ['a pass of more than 32 bits', { ...position, pass: 2 ** 32 }],
    ['a share of more than all', { ...position, waiting: { upstream: 2, sink: 0, downstream: 0 } }],
    ['a log of very many lines', { type: 'log', lines: Array.from({ length: 10_001 }, () => '') }],
    [
      '33 cards',
      { type: 'inventory', inventory: { ...inventory, macs: Array(33).fill(inventory.macs[0]) } },
    ],
    ['a card that is none', { type: 'inventory', inventory: { ...inventory, macs: ['../../x'] } }],
    ['257 disks', { type: 'inventory', inventory: { ...inventory, disks: Array(257).fill({}) } }],
    ['no cores', { type: 'inventory', inventory: { ...inventory, cores: -1 } }],
  ])('are refused with %s', (_what, message) => {
    expect(parseMessage(NodeMessage, JSON.stringify(position))).toEqual(position);
    expect(Inventory.parse(inventory)).toEqual(inventory);
    expect(parseMessage(NodeMessage, JSON.stringify(message))).toBeUndefined();
  });
});

describe('what is written', () => {
  test('JSON lines and journal have no character a terminal obeys, and read the same', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ka-test-'));
    // As a defect could bring it in, or the name of a file of the golden.
    const event = { time: 1, kind: 'log', node: 1, level: 'info', message: HOSTILE } as const;
    const lines: string[] = [];
    startJson(
      (listener) => {
        listener(event);
        return () => undefined;
      },
      (line) => lines.push(line),
    );
    const journal = openJournal(directory, () => undefined);
    journal.write(event);
    journal.close();
    for (const text of [lines.join(''), readFileSync(journal.path, 'utf8')]) {
      expect(text.replace(/\n$/, '')).not.toMatch(OBEYED);
      expect(JSON.parse(text)).toEqual(event);
      expect(SessionEvent.parse(JSON.parse(text))).toEqual({ ...event, message: SHOWN });
    }
    rmSync(directory, { recursive: true });
  });

  test('logs of nodes and of the golden have none either, and no line of their own making', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ka-test-'));
    const logs = new NodeLogs(directory, () => undefined);
    for (const node of [0, 1]) logs.append(node, [HOSTILE]);
    logs.close();
    for (const node of [0, 1]) expect(readFileSync(logs.path(node), 'utf8')).toBe(`${SHOWN}\n`);
    rmSync(directory, { recursive: true });
  });
});

test.each(['\u001b[', '\u001b]', '\u001b[;', '\u009b1;', '\u001b(', '\u001b]8;;a', ' \t'])(
  'no text takes longer than its length: %j',
  (piece) => {
    const text = piece.repeat(300_000);
    const since = performance.now();
    printable(text);
    expect(performance.now() - since).toBeLessThan(2000);
  },
);
