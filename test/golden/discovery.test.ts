import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from '@jest/globals';
import {
  type DiscoverOptions,
  discoverGolden,
  type FoundGolden,
} from '../../client-agent/discover.ts';
import { announce } from '../../golden/announcer.ts';
import { PROTOCOL_VERSION } from '../../protocol/constants.ts';
import type { Offer } from '../../protocol/offer.ts';

const HOST = '127.0.0.1';
const pin = 'abcdefghijklmnopqrstuvwxyz';
const otherPin = '234567abcdefghijklmnopqrst';
const over = new AbortController();
afterAll(() => over.abort());

const offerTo = (port: number, changes: Partial<Offer> = {}) =>
  announce({
    port,
    address: HOST,
    offer: () => ({
      ka: 'offer',
      protocol: PROTOCOL_VERSION,
      session: 'lab',
      host: null,
      port: 30_765,
      fingerprint: pin,
      admit: 'secret',
      present: 0,
      wanted: 3,
      state: 'waiting',
      ...changes,
    }),
    signal: over.signal,
    onError: () => undefined,
  });

const discover = (port: number, changes: Partial<DiscoverOptions<FoundGolden>> = {}) =>
  discoverGolden(
    {
      port,
      session: null,
      pin: undefined,
      whyShunned: () => undefined,
      address: HOST,
      signal: over.signal,
      onTry: () => undefined,
      onRefused: () => undefined,
      connect: (found) => Promise.resolve(found),
      ...changes,
    },
    () => undefined,
  );

describe('finding the golden', () => {
  test('an offer is taken at once, its sender being the address', async () => {
    await offerTo(45_957);
    await expect(discover(45_957)).resolves.toEqual({
      host: HOST,
      port: 30_765,
      pin,
      session: 'lab',
    });
  });

  test('a golden that opens later is found too', async () => {
    const found = discover(45_958, { session: 'lab' });
    await offerTo(45_958);
    await expect(found).resolves.toMatchObject({ session: 'lab' });
  });

  test('a stranger with another key is told of once, and not taken', async () => {
    const refused: string[] = [];
    await offerTo(45_956, { fingerprint: otherPin });
    const wanted = { pin, onRefused: (why: string) => refused.push(why) };
    const found = discover(45_956, wanted);
    // The right one opens when the other has been heard some times.
    await sleep(2500);
    await offerTo(45_956);
    await expect(found).resolves.toMatchObject({ pin });
    expect(refused).toEqual([
      'golden at 127.0.0.1 has another key (234567ab…) than this node was told',
    ]);
  });

  test('one that does not answer, or was turned down lately, is passed over for one that does', async () => {
    await offerTo(45_963, { port: 1 });
    await offerTo(45_963, { port: 2 });
    await offerTo(45_963, { host: '127.0.0.9', port: 30_765 });
    const found = discover(45_963, {
      whyShunned: ({ port }) => (port === 2 ? 'it said no' : undefined),
      connect: (one) =>
        one.port === 1 ? Promise.reject(new Error('refused')) : Promise.resolve(one),
    });
    await expect(found).resolves.toMatchObject({ host: '127.0.0.9', port: 30_765 });
  });

  test('after five tries it gives up and says what was there and why it would not do', async () => {
    const refusal = (found: Promise<unknown>) =>
      found.then(
        () => 'found',
        (error: Error) => error.message,
      );
    const tries: number[] = [];
    await offerTo(45_959);
    await offerTo(45_960, { protocol: PROTOCOL_VERSION + 1 });
    await offerTo(45_961, { fingerprint: otherPin });
    // Side by side: each takes five tries of two seconds.
    const [name, version, key, silence] = await Promise.all([
      refusal(
        discover(45_959, { session: 'other', onTry: (number: number) => tries.push(number) }),
      ),
      refusal(discover(45_960)),
      refusal(discover(45_961, { pin })),
      refusal(discover(45_962)),
    ]);
    expect(tries).toEqual([1, 2, 3, 4, 5]);
    const cannot = "Can't reach a valid KA server:";
    expect(name).toBe(`${cannot} golden at ${HOST} has session "lab", not "other"`);
    expect(version).toContain(
      `speaks protocol ${PROTOCOL_VERSION + 1}, this agent ${PROTOCOL_VERSION}; boot this node`,
    );
    expect(key).toMatch(/golden at 127.0.0.1 has another key/);
    expect(silence).toBe(`${cannot} no session answered on this network`);
  });
});
