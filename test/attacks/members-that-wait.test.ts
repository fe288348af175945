/** Members that live, answer pings, and do nothing: the session does not wait for them for ever. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Member } from '../../golden/member.ts';
import {
  FINISH_MS,
  LOOK_MS,
  Patience,
  PREPARE_MS,
  PROGRESS_BYTES,
  RECEIVE_MS,
  type Standing,
  UNTOLD_MS,
} from '../../golden/patience.ts';
import { Roster } from '../../golden/roster.ts';
import type { NodeState } from '../../protocol/events.ts';
import { eventually } from '../support/eventually.ts';
import { connectNode, type GoldenSession, openSession } from '../support/golden-session.ts';
import { someHello } from '../support/hello.ts';

const wait = { upstream: 0, sink: 0, downstream: 0 };
const positionOf = (pass: number, received: number, drained = received) => ({
  type: 'position' as const,
  ...{ pass, received, drained, linked: true, stream: null, streamBytes: 0, waiting: wait },
});

describe('a session', () => {
  let golden: GoldenSession;
  beforeEach(async () => {
    golden = await openSession({ wanted: 1 });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await golden[Symbol.asyncDispose]();
  });

  const now = performance.now.bind(performance);
  const later = (ms: number): void => {
    jest.spyOn(performance, 'now').mockImplementation(() => now() + ms);
  };

  const join = async () => {
    const node = await connectNode(golden.join);
    const hello = someHello({ target: 'directory' });
    const admission = { ...hello.admission, token: golden.join.token };
    node.link.send({ ...hello, admission });
    await eventually('the plan', () => node.said('plan'));
    return node;
  };

  const failures = () => golden.session.members.map(({ failure }) => failure?.message);

  test('ends when its only node never gets ready', async () => {
    const node = await join();
    later(PREPARE_MS - 10_000);
    await sleep(1500);
    expect(failures()).toEqual([undefined]);
    later(PREPARE_MS);
    expect(await golden.over).toBe(1);
    expect(failures()).toEqual([
      expect.stringMatching(/^machine \(127\.0\.0\.1\) lives, but has been preparing for 60 min,/),
    ]);
    expect(node.said('eject')).toMatchObject({ final: false });
  });

  test('ends when its only node takes nothing, but says that all is well', async () => {
    const node = await join();
    node.link.send({ type: 'phase', phase: 'prepared' });
    const { order } = await eventually('the pass', () => node.said('pass'));
    const saying = setInterval(() => node.link.send(positionOf(order.pass, 2 ** 40)), 300);
    try {
      await sleep(1500);
      expect(failures()).toEqual([undefined]);
      later(RECEIVE_MS);
      expect(await golden.over).toBe(1);
    } finally {
      clearInterval(saying);
    }
    expect(failures()).toEqual([expect.stringMatching(/next to nothing of the pass for 45 min/)]);
  });
});

describe('of nodes that live', () => {
  const PASS = 7;
  let roster: Roster;
  let patience: Patience;
  /** Since the beginning. */
  let nowMs: number;
  let members: Member[];

  beforeEach(() => {
    roster = new Roster(() => undefined);
    patience = new Patience();
    nowMs = 0;
    members = [];
  });

  const join = (states: NodeState[]): void => {
    members = states.map((state, index) => {
      const hello = someHello();
      const link = { peer: { address: '10.0.0.7' } } as never;
      const member = roster.add(`n${index + 1}`, { hello, link, pin: `${index}`, bootMac: null });
      roster.set(member, state);
      member.stateSinceMs = 0;
      patience.begin(member, PASS, 0);
      return member;
    });
  };

  /** Looks as often as a session does; who is late is out, as there. */
  const pass = (
    ms: number,
    view: () => Standing | undefined,
    each = (): void => undefined,
  ): string[] => {
    const late: string[] = [];
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs += LOOK_MS;
      each();
      for (const { member, failure } of patience.look(members, view(), nowMs)) {
        late.push(`${member.name} ${failure.message.replace(/.*lives, but |;.*/g, '')}`);
        roster.set(member, 'failed', { failure });
      }
    }
    return late;
  };

  const chain = (): Member[] => members.filter(({ state }) => state === 'receiving');
  const standing = (changes: Partial<Standing> = {}): Standing => {
    const sent = 64 * PROGRESS_BYTES;
    return { pass: PASS, chain: chain(), sent, acked: sent, ended: false, ...changes };
  };

  test('one that finishes for too long is late, others are not', () => {
    join(['finishing', 'preparing', 'waiting', 'ready', 'received', 'done']);
    expect(pass(FINISH_MS + 5000, () => undefined)).toEqual([
      'n2 has been preparing for 60 min, longer than its steps may take',
      'n1 has been finishing for 240 min, longer than its steps may take',
    ]);
  });

  test('one that does not say where it is is late after 30 s', () => {
    join(['receiving', 'receiving']);
    const [first] = members;
    const say = () => first && patience.position(first, positionOf(PASS, nowMs * 1e6));
    expect(pass(UNTOLD_MS - 2 * LOOK_MS, standing, say)).toEqual([]);
    expect(pass(10 * LOOK_MS, standing, say)).toEqual([
      'n2 has not said for 30 s how far it is in pass 7',
    ]);
  });

  test('words about another pass are no words', () => {
    join(['receiving']);
    const [first] = members;
    const say = () => first && patience.position(first, positionOf(PASS - 1, nowMs));
    expect(pass(2 * UNTOLD_MS, standing, say)).toHaveLength(1);
  });

  test('the one that holds up a chain is late, not those who wait for it or behind it', () => {
    join(['receiving', 'receiving', 'receiving']);
    const ring = 2 * PROGRESS_BYTES;
    const say = () => {
      const [first, second, third] = members;
      if (first) patience.position(first, positionOf(PASS, 2 * ring));
      if (second) patience.position(second, positionOf(PASS, ring, 0));
      if (third) patience.position(third, positionOf(PASS, ring));
    };
    expect(pass(RECEIVE_MS + 5 * LOOK_MS, standing, say)).toEqual([
      'n2 has taken next to nothing of the pass for 45 min, although it could',
    ]);
  });

  test('nobody is late while the golden has nothing to send, however long', () => {
    join(['receiving', 'receiving']);
    const say = () => {
      for (const member of members) patience.position(member, positionOf(PASS, 1000));
    };
    const idle = () => standing({ sent: 1000, acked: 1000 });
    expect(pass(2 * RECEIVE_MS, idle, say)).toEqual([]);
  });

  test('one that gets on is not late, be it slow; one that says so and acknowledges nothing is', () => {
    join(['receiving']);
    const say = () => {
      const position = positionOf(PASS, (nowMs / RECEIVE_MS) * 2 * PROGRESS_BYTES);
      for (const member of members) patience.position(member, position);
    };
    expect(pass(3 * RECEIVE_MS, standing, say)).toEqual([]);
    expect(pass(RECEIVE_MS + 5 * LOOK_MS, () => standing({ acked: 1000 }), say)).toHaveLength(1);
  });

  test('after the pass one that has it all and never says so is late', () => {
    join(['receiving']);
    const say = () => {
      for (const member of members) patience.position(member, positionOf(PASS, 1000));
    };
    expect(pass(RECEIVE_MS + 5 * LOOK_MS, () => undefined, say)).toHaveLength(1);
  });
});
