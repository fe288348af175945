import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Member } from '../../golden/member.ts';
import type { NodeLink } from '../../golden/node-link.ts';
import { Releases } from '../../golden/releases.ts';
import { Roster } from '../../golden/roster.ts';
import type { GoldenMessage } from '../../protocol/control.ts';
import type { NewEvent } from '../../protocol/events.ts';
import { eventually } from '../support/eventually.ts';
import { someHello } from '../support/hello.ts';

let over: AbortController;
let roster: Roster;
let told: { node: string; message: GoldenMessage }[];
let events: NewEvent[];

beforeEach(() => {
  over = new AbortController();
  told = [];
  events = [];
  roster = new Roster((event) => events.push(event));
});

afterEach(() => over.abort());

/** A cloned node, as far as the golden sees it. */
const cloned = (name: string, { reboot = true } = {}): Member => {
  const link = {
    peer: { address: '127.0.0.1', identity: null },
    send: (message: GoldenMessage) => told.push({ node: name, message }),
  };
  const member = roster.add(name, {
    hello: someHello({ reboot }),
    link: link as unknown as NodeLink,
    pin: name,
    bootMac: null,
  });
  roster.set(member, 'done');
  return member;
};

const releasesOf = async (window: number, phoneHome = true, delayMs = 0): Promise<Releases> => {
  const listen = phoneHome ? { host: '127.0.0.1', port: 0 } : null;
  const releases = new Releases({
    roster,
    delayMs,
    window,
    listen,
    say: () => undefined,
    signal: over.signal,
  });
  await releases.listen();
  return releases;
};

const letGo = () => told.map(({ node }) => node);

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** What the script left in a clone does. */
const callHome = (home: { port: number; token: string } | null): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(home?.port ?? 0, '127.0.0.1');
    socket.on('error', reject);
    socket.on('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.write(`ka-home ${home?.token} clone boot-id\n`);
  });

describe('cloned nodes', () => {
  test('restart only so many at once; the next may go when one runs from its own disk', async () => {
    const releases = await releasesOf(2);
    const nodes = ['a', 'b', 'c'].map((name) => cloned(name));
    const homes = nodes.map((node) => releases.homeOf(node));
    for (const node of nodes) releases.release(node);
    await eventually('two are let go', async () => letGo().length === 2, 5000);
    await settled();
    expect(letGo()).toEqual(['a', 'b']);
    expect(nodes.map(({ state }) => state)).toEqual(['booting', 'booting', 'done']);
    // The session must not end while one waits for its turn.
    expect(releases.areAllGone).toBe(false);
    expect(await callHome(homes[1] ?? null)).toBe('ok\n');
    expect(nodes[1]?.state).toBe('booted');
    await eventually('the third is let go', async () => letGo().length === 3, 5000);
    expect(told.at(-1)?.message).toMatchObject({ type: 'finish', action: 'reboot' });
    expect(releases.areAllGone).toBe(true);
  });

  test('are not booted by the word of a stranger', async () => {
    const releases = await releasesOf(2);
    const node = cloned('a');
    const home = releases.homeOf(node);
    releases.release(node);
    await releases.allLetGo();
    expect(await callHome(home && { ...home, token: 'f'.repeat(32) })).toBe('unknown\n');
    expect(node.state).toBe('booting');
  });

  test('that stay up have nothing to report, and are let go as they are', async () => {
    const releases = await releasesOf(1);
    const nodes = [cloned('a', { reboot: false }), cloned('b', { reboot: false })];
    expect(nodes.map((node) => releases.homeOf(node))).toEqual([null, null]);
    for (const node of nodes) releases.release(node);
    await releases.allLetGo();
    expect(letGo()).toEqual(['a', 'b']);
    expect(nodes.map(({ state }) => state)).toEqual(['done', 'done']);
  });

  test('are not waited for when their system has nothing to report with', async () => {
    const releases = await releasesOf(9);
    const node = cloned('a');
    releases.homeOf(node);
    releases.willNotReport(node);
    releases.release(node);
    await releases.allLetGo();
    expect(letGo()).toEqual(['a']);
    expect(node.state).toBe('done');
  });

  test('count as done when nobody asked them to report', async () => {
    const releases = await releasesOf(1, false);
    const node = cloned('a');
    expect(releases.homeOf(node)).toBeNull();
    releases.release(node);
    await releases.allLetGo();
    expect(node.state).toBe('done');
  });

  test('are let go at the asked distance, and at once when the session is stopped', async () => {
    const releases = await releasesOf(9, false, 60_000);
    const nodes = [cloned('a'), cloned('b')];
    for (const node of nodes) releases.release(node);
    await eventually('the first is let go', async () => letGo().length === 1, 5000);
    await settled();
    expect(letGo()).toEqual(['a']);
    over.abort();
    await releases.allLetGo();
    expect(letGo()).toEqual(['a', 'b']);
  });
});
