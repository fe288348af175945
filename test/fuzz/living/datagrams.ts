/** Datagrams of anybody: to a golden, to a boot server, and to a node that looks for its golden. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import { discoverGolden, type FoundGolden } from '../../../client-agent/discover.ts';
import { announce } from '../../../golden/announcer.ts';
import { answerOthers } from '../../../images/netboot/other-server.ts';
import { OFFER_GROUP, PORTS, PROTOCOL_VERSION } from '../../../protocol/constants.ts';
import { Offer } from '../../../protocol/offer.ts';
import { parseMessage } from '../../../protocol/parse-message.ts';
import { isPrintable } from '../../../system/printable.ts';
import { freePort } from '../../support/golden-session.ts';
import { jsonLike, like } from '../hostile.ts';
import { type Living, living, mustBe } from '../target.ts';
import { Health } from './support/health.ts';
import { strangerAddress } from './support/visit.ts';
import { within } from './support/within.ts';

const HOST = '127.0.0.1';
const PIN = 'a'.repeat(26);

const offer = (changes: Partial<Offer> = {}): Offer => ({
  ka: 'offer',
  protocol: PROTOCOL_VERSION,
  session: 'lab',
  host: null,
  port: 30_765,
  fingerprint: PIN,
  admit: 'secret',
  present: 0,
  wanted: 3,
  state: 'waiting',
  ...changes,
});

const QUERY = JSON.stringify({ ka: 'query' });
const WHO_SERVES = JSON.stringify({ ka: 'who-serves' });

/** Whoever asks too often is not answered for a while, nor are all together. */
const ANSWERED_MS = 5000;
const ASK_AGAIN_MS = 200;

const socketAt = async (address: string): Promise<Socket> => {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
};

const send = (socket: Socket, text: string, port: number, host = HOST): Promise<void> =>
  new Promise((resolve, reject) =>
    socket.send(text, port, host, (error) => (error ? reject(error) : resolve())),
  );

/** The first answer an honest machine gets. */
const ask = async (question: string, port: number, from: string): Promise<string> => {
  const socket = await socketAt(from);
  const answered = once(socket, 'message') as Promise<[Buffer]>;
  const again = setInterval(() => socket.send(question, port, HOST), ASK_AGAIN_MS);
  try {
    await send(socket, question, port);
    const [answer] = await within(ANSWERED_MS, 'an honest question is answered', answered);
    return answer.toString();
  } finally {
    clearInterval(again);
    socket.close();
  }
};

/** More than fits into a datagram cannot be sent. */
const MOST_BYTES = 60_000;
const datagrams = (...samples: readonly unknown[]): fc.Arbitrary<string[]> =>
  fc.array(
    fc
      .oneof(jsonLike(...samples), like(...samples.map((sample) => JSON.stringify(sample))))
      .filter((text) => Buffer.byteLength(text) < MOST_BYTES),
    { maxLength: 4 },
  );

/** Both that answer questions; honest ones get answers now and then, so that they get them at once. */
const answerers = async (): Promise<Living<string[]>> => {
  const over = new AbortController();
  const errors: string[] = [];
  const onError = ({ message }: Error): void => {
    errors.push(message);
  };
  const port = await freePort();
  await announce({ port, address: HOST, offer, signal: over.signal, onError });
  await answerOthers(HOST, over.signal, onError);
  const stranger = await socketAt(strangerAddress(0));
  const health = new Health();
  let cases = 0;
  return {
    input: datagrams({ ka: 'query' }, { ka: 'who-serves' }, offer(), {
      ka: 'serves',
      host: 'x',
      address: HOST,
    }),
    holds: async (texts) => {
      cases += 1;
      for (const text of texts) {
        for (const to of [port, PORTS.boot]) await send(stranger, text, to);
      }
      if (cases % EACH === 0) {
        const answers = await Promise.all([
          ask(QUERY, port, strangerAddress(cases)),
          ask(WHO_SERVES, PORTS.boot, strangerAddress(cases)),
        ]);
        mustBe(parseMessage(Offer, answers[0]) !== undefined, `it offers ${answers[0]}`);
        mustBe(answers[1].includes('"serves"'), `it says ${answers[1]}`);
      }
      mustBe(errors.length === 0, errors.join('; '));
      await health.check();
    },
    [Symbol.asyncDispose]: async () => {
      over.abort();
      stranger.close();
      health[Symbol.dispose]();
    },
  };
};
/** Cases after which there is an honest question. */
const EACH = 5;

/** Where those who offer what they have not say that they are. */
const NOBODY = '127.0.0.66';

interface Search {
  shouted: string[];
  answered: string[];
}

/** A search, among others who offer. */
const search = async ({ shouted, answered }: Search): Promise<void> => {
  const over = new AbortController();
  const port = await freePort();
  const reasons: string[] = [];
  const hostile = createSocket({ type: 'udp4', reuseAddr: true });
  hostile.on('message', (_message, { port: asker, address }) => {
    for (const text of answered) hostile.send(text, asker, address, () => undefined);
  });
  hostile.bind(port);
  await once(hostile, 'listening');
  hostile.addMembership(OFFER_GROUP, HOST);
  hostile.setMulticastInterface(HOST);
  try {
    const found = discoverGolden<FoundGolden>(
      {
        port,
        session: 'lab',
        pin: undefined,
        whyShunned: () => undefined,
        address: HOST,
        signal: over.signal,
        onTry: () => undefined,
        onRefused: (why) => reasons.push(why),
        connect: async (one) => {
          mustBe(one.host !== NOBODY, 'nobody answers there');
          if (one.host === HOST && one.port === 30_765 && one.pin === PIN) return one;
          throw new Error(`no golden answers at ${one.host}:${one.port}`);
        },
      },
      () => undefined,
    );
    for (const text of shouted) await send(hostile, text, port, OFFER_GROUP);
    await announce({
      port,
      address: HOST,
      offer,
      signal: over.signal,
      onError: ({ message }) => reasons.push(message),
    });
    await within(ANSWERED_MS, 'the honest golden is found', found);
    mustBe(reasons.length <= 8, `it tells of ${reasons.length}`);
    const strange = reasons.find((why) => !isPrintable(why));
    mustBe(strange === undefined, `it says ${fc.stringify(strange)}`);
  } finally {
    over.abort();
    hostile.close();
  }
};

const offers = datagrams(
  offer({ host: NOBODY, port: 1 }),
  offer({ host: NOBODY, fingerprint: 'b'.repeat(26) }),
  offer({ session: 'other' }),
  { ...offer(), protocol: 9 },
  { ka: 'query' },
);

const seekers = async (): Promise<Living<Search>> => {
  const health = new Health();
  return {
    input: fc.record({ shouted: offers, answered: offers }),
    holds: async (cases) => {
      await search(cases);
      await health.check();
    },
    [Symbol.asyncDispose]: async () => health[Symbol.dispose](),
  };
};

export const questions = living('questions by UDP', answerers);
export const searches = living('search for a golden', seekers);
