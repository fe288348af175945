import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type KaProcess, startKa } from '../../demo/ka-process.ts';
import { OFFER_GROUP, PROTOCOL_VERSION } from '../../protocol/constants.ts';
import { Offer } from '../../protocol/offer.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, type GoldenSession, openSession } from '../support/golden-session.ts';

const HOST = '127.0.0.1';

let directory: string;
let golden: GoldenSession | undefined;
let offerPort: number;
let attacker: Socket;
const agents: KaProcess[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ka-offers-'));
  offerPort = await freePort();
  attacker = createSocket('udp4');
  await new Promise<void>((resolve) => attacker.bind(0, HOST, resolve));
  attacker.setMulticastInterface(HOST);
});
afterEach(async () => {
  for (const agent of agents.splice(0)) {
    agent.kill('SIGKILL');
    await agent.ended;
  }
  attacker.close();
  await golden?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const shout = (text: string): void => attacker.send(text, offerPort, OFFER_GROUP);

/** An offer that looks right, of nobody. */
const offer = (changes: object = {}): string =>
  JSON.stringify({
    ka: 'offer',
    protocol: PROTOCOL_VERSION,
    session: 'attacked',
    host: '127.0.0.66',
    port: 1,
    fingerprint: 'a'.repeat(26),
    admit: 'open',
    present: 0,
    wanted: 3,
    state: 'waiting',
    ...changes,
  });

const hostile = (number: number): string[] => [
  offer({ port: (number % 60_000) + 1 }),
  offer({ host: `127.1.${number % 250}.1`, port: (number % 60_000) + 1 }),
  offer({ session: `\u001b[2J\u009b2J\u202eevil${number}` }),
  offer({ host: "x';touch PWNED;'@127.0.0.1" }),
  offer({ port: 99_999 }),
  offer({ protocol: number + 10 }),
  `{"ka":"offer","protocol":"\u001b]0;title\u0007"}`,
  'not JSON \u001b[31m',
];

describe('offers of somebody who shouts', () => {
  test.each([
    { host: "x';touch PWNED;'@127.0.0.1" },
    { host: 'golden.example.org' },
    { port: 0 },
    { port: 99_999 },
    { session: '../../etc' },
    { fingerprint: 'a' },
  ])('one with %j is none', (changes) => {
    expect(Offer.safeParse(JSON.parse(offer())).success).toBe(true);
    expect(Offer.safeParse(JSON.parse(offer(changes))).success).toBe(false);
  });

  test('three thousand of them do not keep a node from its golden, nor reach its screen', async () => {
    const screen = join(directory, 'screen');
    const flood = setInterval(() => {
      for (let number = 0; number < 40; number += 1) {
        for (const text of hostile(Math.floor(Math.random() * 1e6) + number)) shout(text);
      }
    }, 50);
    const agent = startKa(
      [
        ...['agent', '--admit', 'open', '--address', HOST],
        ...['--offer-port', String(offerPort), '--status-port', '42345'],
        ...['--into', directory, '--name', 'victim'],
      ],
      { logFile: screen, stateDirectory: directory },
    );
    agents.push(agent);
    try {
      // Only they are there for a while.
      await sleep(3000);
      const real = await openSession({ admit: 'open', offerPort });
      golden = real;
      await eventually(
        'the node is in',
        () => real.events.some((event) => event.kind === 'node' && event.name === 'victim'),
        30_000,
      );
    } finally {
      clearInterval(flood);
    }
    const text = readFileSync(screen, 'utf8');
    expect(text).toContain('not taken: ');
    for (const hidden of ['\u001b', '\u009b', '\u202e', '\u0007'])
      expect(text).not.toContain(hidden);
    expect(text.split('\n').length).toBeLessThan(60);
  }, 60_000);
});
