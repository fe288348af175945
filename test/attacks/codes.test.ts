import { createPrivateKey, createPublicKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Knock } from '../../client-agent/knock.ts';
import type { NodeLink } from '../../golden/node-link.ts';
import { Requests } from '../../golden/requests.ts';
import type { KnockMessage } from '../../protocol/admission.ts';
import type { GoldenMessage } from '../../protocol/control.ts';
import type { NewEvent } from '../../protocol/events.ts';
import { commitmentOf } from '../../trust/code.ts';
import { publicBytes } from '../../trust/pin.ts';
import { eventually } from '../support/eventually.ts';
import {
  connectNode,
  type GoldenSession,
  openSession,
  type TestNode,
} from '../support/golden-session.ts';
import { someHello } from '../support/hello.ts';

let golden: GoldenSession;
beforeEach(async () => {
  golden = await openSession({ wanted: 2 });
});
afterEach(async () => {
  await golden[Symbol.asyncDispose]();
});

const publicKeyOf = ({ keys }: TestNode): Buffer =>
  publicBytes(createPublicKey(createPrivateKey(keys.key)));

interface Asking extends TestNode {
  /** What its screen shows. */
  screen: string[];
  /** The six digits on it. */
  code: () => string;
}

/** A node without a secret, as its agent does it. Whoever stands before it answers `yes`. */
const ask = async (
  to: { host: string; port: number; pin: string; token: string },
  yes: boolean | undefined,
): Promise<Asking> => {
  const node = await connectNode(to);
  const screen: string[] = [];
  const knock: Knock = new Knock({
    nodeKey: publicKeyOf(node),
    goldenKey: node.link.publicKey,
    pinned: false,
    ask:
      yes === undefined
        ? undefined
        : (question) => {
            screen.push(question);
            return Promise.resolve(yes);
          },
    send: (message: KnockMessage) => node.link.send(message),
    say: (line) => screen.push(line),
    onRefused: () => void node.link.close(),
  });
  node.link.listen((message) => {
    if (message.type === 'challenge' || message.type === 'again') knock.hear(message);
  });
  const some = someHello({ target: 'directory' });
  node.link.send({ ...some, admission: { ...some.admission, commitment: knock.commitment } });
  const code = () => (/code: (\d{3} \d{3})/.exec(screen.join('\n'))?.[1] ?? '').replace(' ', '');
  await eventually('its code', () => code() !== '');
  return { ...node, screen, code };
};

const pending = () => golden.session.requests.pending.map(({ code }) => code);

describe('a node without a secret', () => {
  test('is let in when both screens show the same code and both sides say yes', async () => {
    const node = await ask(golden.join, true);
    await eventually('it is on the board', () => pending().length === 1);
    expect(pending()).toEqual([node.code()]);
    expect(node.said('welcome')).toBeUndefined();
    expect(golden.session.requests.admit(node.code(), 'tester')).toBe(true);
    await eventually('the welcome', () => node.said('welcome') !== undefined);
    expect(golden.audit()).toContainEqual(
      expect.objectContaining({ what: 'admitted', by: 'code, tester' }),
    );
    expect(golden.events).toContainEqual(
      expect.objectContaining({ kind: 'request', state: 'admitted', code: node.code() }),
    );
  });

  test('is not let in by the golden alone, nor by its own side alone', async () => {
    const silent = await ask(golden.join, undefined);
    await eventually('it is on the board', () => pending().includes(silent.code()));
    golden.session.requests.admit(silent.code(), 'tester');
    const eager = await ask(golden.join, true);
    await eventually('it is on the board', () => pending().includes(eager.code()));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([silent.said('welcome'), eager.said('welcome')]).toEqual([undefined, undefined]);
    expect(silent.screen.at(-1)).toContain('no keyboard');
  });

  test('that says no, or is turned away, is gone', async () => {
    const no = await ask(golden.join, false);
    await no.link.closed;
    await eventually('nobody asks', () => pending().length === 0);
    const denied = await ask(golden.join, true);
    await eventually('it is on the board', () => pending().length === 1);
    expect(golden.session.requests.deny(denied.code(), 'tester')).toBe(true);
    await denied.link.closed;
    expect(denied.said('eject')?.reason).toContain('said no');
    expect(golden.audit()).toContainEqual(
      expect.objectContaining({ what: 'denied', by: 'tester', name: expect.any(String) }),
    );
    expect(golden.session.requests.admit(denied.code(), 'tester')).toBe(false);
  });

  test('whoever stands in between shows another code than the golden', async () => {
    // The node's golden is somebody in between, who asks the real one in its name.
    await using impostor = await openSession({ wanted: 1 });
    process.env.KA_STATE_DIR = golden.state;
    const victim = await ask(impostor.join, undefined);
    const between = await ask(golden.join, true);
    await eventually('it is on the board', () => pending().length === 1);
    expect(pending()).toEqual([between.code()]);
    expect(between.code()).not.toBe(victim.code());
    process.env.KA_STATE_DIR = impostor.state;
  });

  test('that opens another nonce than it committed itself to is turned away', async () => {
    const node = await connectNode(golden.join);
    const some = someHello({ target: 'directory' });
    const commitment = commitmentOf(publicKeyOf(node), '11'.repeat(16));
    node.link.send({ ...some, admission: { ...some.admission, commitment } });
    await eventually('a challenge', () => node.said('challenge') !== undefined);
    node.link.send({ type: 'open', nonce: '22'.repeat(16) });
    await node.link.closed;
    expect(node.said('eject')?.reason).toContain('committed');
    expect(pending()).toEqual([]);
  });

  test('that opens before it was challenged, or agrees without a code, gets nowhere', async () => {
    const node = await connectNode(golden.join);
    node.link.send(someHello({ target: 'directory' }));
    node.link.send({ type: 'commit', commitment: 'a'.repeat(64) });
    node.link.send({ type: 'agree' });
    await eventually('a challenge', () => node.said('challenge') !== undefined);
    expect(node.said('welcome')).toBeUndefined();
    expect(pending()).toEqual([]);
  });

  test('that says a second time who it is, with a secret now, is turned away', async () => {
    const node = await ask(golden.join, true);
    await eventually('it is on the board', () => pending().length === 1);
    const { token } = golden.join;
    const some = someHello({ target: 'directory' });
    node.link.send({ ...some, admission: { ...some.admission, token } });
    expect(await node.link.closed).toBe('message does not fit this protocol version');
    expect(node.said('welcome')).toBeUndefined();
    expect(golden.session.requests.admit(node.code(), 'tester')).toBe(false);
    expect([pending(), golden.session.members]).toEqual([[], []]);
  });

  test('that says so four times leaves no requests that keep out others of its address', async () => {
    const node = await connectNode(golden.join);
    for (let time = 0; time < 4; time += 1) node.link.send(someHello({ target: 'directory' }));
    await node.link.closed;
    await ask(golden.join, undefined);
  });
});

describe('who stands in between and knows which code it needs', () => {
  const nodeKey = Buffer.from('node');
  const goldenKey = Buffer.from('golden');

  const asked = () => {
    const questions: string[] = [];
    const sent: KnockMessage[] = [];
    const knock = new Knock({
      nodeKey,
      goldenKey,
      pinned: false,
      ask: (question) => {
        questions.push(question);
        return new Promise(() => undefined);
      },
      send: (message) => sent.push(message),
      say: () => undefined,
      onRefused: () => undefined,
    });
    return { knock, questions, sent };
  };

  test('gets no second challenge for a nonce it has heard', () => {
    const { knock, questions, sent } = asked();
    knock.hear({ type: 'challenge', nonce: '1'.repeat(32) });
    expect(sent.map(({ type }) => type)).toEqual(['open']);
    expect(() => knock.hear({ type: 'challenge', nonce: '2'.repeat(32) })).toThrow(
      expect.objectContaining({ code: 'OutOfTurn' }),
    );
    expect(questions).toHaveLength(1);
  });

  test('cannot make it begin again until the code fits', () => {
    const { knock, questions } = asked();
    const tries = () => {
      for (let time = 0; time < 100; time += 1) {
        knock.hear({ type: 'challenge', nonce: '1'.repeat(32) });
        knock.hear({ type: 'again' });
      }
    };
    expect(tries).toThrow(expect.objectContaining({ code: 'OutOfTurn' }));
    expect(questions.length).toBeLessThanOrEqual(4);
  });
});

test('two requests with the same code are both made anew', () => {
  const told: GoldenMessage[][] = [[], []];
  const events: NewEvent[] = [];
  const requests = new Requests({
    goldenKey: Buffer.from('golden'),
    // The same each time: only so can two codes be made alike.
    nonce: () => 'ab'.repeat(16),
    emit: (event) => events.push(event),
    onAdmitted: () => undefined,
    onDenied: () => undefined,
    turnAway: () => undefined,
  });
  const nodeKey = Buffer.from('node');
  const nonce = 'cd'.repeat(16);
  const links = told.map((heard, index) => ({
    peer: { address: `10.0.0.${index}`, identity: null },
    send: (message: GoldenMessage) => heard.push(message),
  })) as unknown as NodeLink[];
  for (const link of links) {
    const some = someHello();
    const commitment = commitmentOf(nodeKey, nonce);
    requests.add(
      link,
      { ...some, admission: { ...some.admission, commitment } },
      nodeKey,
      undefined,
    );
    requests.opened(link, nonce);
  }
  expect(told.map((heard) => heard.map(({ type }) => type))).toEqual([
    ['challenge', 'again'],
    ['challenge', 'again'],
  ]);
  expect(requests.pending).toEqual([]);
  requests.close('the test is over');
});

describe('requests', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  const crowd = () => {
    jest.useFakeTimers({ now: 0 });
    const refused: NodeLink[] = [];
    const requests = new Requests({
      goldenKey: Buffer.from('golden'),
      nonce: () => 'ab'.repeat(16),
      emit: () => undefined,
      onAdmitted: () => undefined,
      onDenied: () => undefined,
      turnAway: (link) => refused.push(link),
    });
    let made = 0;
    const ask = (address?: string): NodeLink => {
      made += 1;
      const peer = { address: address ?? `10.0.${made >> 8}.${made & 255}`, identity: null };
      const link = { peer, send: () => undefined } as unknown as NodeLink;
      requests.add(link, someHello(), Buffer.from(`node ${made}`), undefined);
      return link;
    };
    return { requests, refused, ask };
  };

  test('are 32 at a time', () => {
    const { refused, ask } = crowd();
    for (let number = 0; number < 32; number += 1) ask();
    expect(refused).toEqual([]);
    // Not for want of a turn.
    jest.setSystemTime(60_000);
    const last = ask();
    expect(refused).toEqual([last]);
  });

  test('are one new a second after the first room full', () => {
    const { requests, refused, ask } = crowd();
    for (let number = 0; number < 32; number += 1) requests.left(ask());
    const soon = ask();
    expect(refused).toEqual([soon]);
    jest.setSystemTime(1000);
    ask();
    expect(refused).toEqual([soon]);
  });

  test('are four of one address, or of one network of IPv6', () => {
    for (const address of [() => '10.0.0.1', (n: number) => `2001:db8:0:1::${n}`]) {
      const { refused, ask } = crowd();
      for (let number = 1; number <= 4; number += 1) ask(address(number));
      expect(refused).toEqual([]);
      const fifth = ask(address(5));
      expect(refused).toEqual([fifth]);
    }
  });
});
