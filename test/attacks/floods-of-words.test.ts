/** Nobody fills the golden's disk or memory by talking. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { EventBus } from '../../golden/event-bus.ts';
import { openJournal } from '../../golden/journal.ts';
import { NodeLogs } from '../../golden/node-logs.ts';
import type { NewEvent, SessionEvent } from '../../protocol/events.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ka-test-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const state = (node: number, name: string): NewEvent => ({
  kind: 'node',
  node,
  name,
  address: '10.0.0.7',
  state: 'waiting',
  macs: [],
});

const words = (node: number | null): NewEvent => ({
  kind: 'log',
  node,
  level: 'warning',
  message: 'x'.repeat(1000),
});

test('a flood of words is cut, of each node for itself; no state of a node is left out', () => {
  const bus = new EventBus();
  const events: SessionEvent[] = [];
  bus.subscribe((event) => events.push(event));
  for (let number = 0; number < 50_000; number += 1) {
    bus.emit(words(1));
    bus.emit({ kind: 'step', node: 2, step: 'x', state: 'progress' });
    bus.emit(words(null));
    if (number % 10 === 0) bus.emit(state(1, `n${number}`));
  }
  bus.emit(words(3));
  const count = (wanted: (event: SessionEvent) => boolean) => events.filter(wanted).length;
  expect(count(({ kind }) => kind === 'node')).toBe(5000);
  expect(count((event) => event.kind === 'log' && event.node === 1)).toBeLessThan(3000);
  expect(count((event) => event.kind === 'step' && event.node === 2)).toBeLessThan(3000);
  expect(count((event) => event.kind === 'log' && event.node === null)).toBeLessThan(3000);
  expect(count((event) => event.kind === 'log' && event.node === 3)).toBe(1);
  expect(
    count(
      (event) => event.kind === 'log' && /steps and messages were left out/.test(event.message),
    ),
  ).toBeGreaterThan(0);
});

test('who subscribes late gets all states, and not more words than fit', () => {
  const bus = new EventBus();
  for (let node = 1; node <= 30; node += 1) {
    bus.emit(state(node, `n${node}`));
    for (let number = 0; number < 1500; number += 1) bus.emit(words(node));
  }
  const events: SessionEvent[] = [];
  bus.subscribe((event) => events.push(event));
  expect(events.filter(({ kind }) => kind === 'node')).toHaveLength(30);
  expect(events.filter(({ kind }) => kind === 'log').length).toBeLessThanOrEqual(20_000);
});

test('an output that throws does not keep events from the others, and is said once', () => {
  const bus = new EventBus();
  const events: SessionEvent[] = [];
  bus.subscribe(() => {
    throw new Error('out of order');
  });
  bus.subscribe((event) => events.push(event));
  for (let node = 1; node <= 100; node += 1) bus.emit(state(node, `n${node}`));
  expect(events.filter(({ kind }) => kind === 'node')).toHaveLength(100);
  expect(events.filter(({ kind }) => kind === 'log')).toEqual([
    expect.objectContaining({ message: 'an output of this session failed: out of order' }),
  ]);
});

test('a journal ends with words, not with states', () => {
  const said: string[] = [];
  const journal = openJournal(directory, (line) => said.push(line), { log: 10_000 });
  for (let number = 0; number < 100; number += 1) {
    journal.write({ time: number, ...words(1) } as SessionEvent);
    journal.write({ time: number, ...state(1, `n${number}`) } as SessionEvent);
  }
  journal.close();
  const kinds = readFileSync(journal.path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).kind);
  expect(kinds.filter((kind) => kind === 'node')).toHaveLength(100);
  expect(kinds.filter((kind) => kind === 'log').length).toBeLessThan(10);
  expect(said).toHaveLength(1);
});

test("a node's log has an end, which is its last line", () => {
  const logs = new NodeLogs(directory, () => undefined, 10_000);
  for (let number = 0; number < 1000; number += 1) logs.append(1, ['x'.repeat(99)]);
  logs.append(2, ['of another']);
  logs.close();
  const text = readFileSync(logs.path(1), 'utf8');
  expect(text).toMatch(/^(?:x{99}\n){100}ka: this log is as long as it may be.*\n$/);
  expect(readFileSync(logs.path(2), 'utf8')).toBe('of another\n');
  expect(statSync(logs.path(1)).mode & 0o777).toBe(0o600);
});
