/** Two `ka pxe serve` on one network would send machines here and there: they find each other. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { PORTS } from '../../protocol/constants.ts';
import { parseMessage } from '../../protocol/parse-message.ts';
import { Line } from '../../protocol/text.ts';
import { guarded } from '../../system/guard.ts';
import type { Ipv4Interface } from '../../system/interfaces.ts';
import { IpAddress } from '../../system/names.ts';
import { type Rations, rations } from '../../system/rations.ts';

/** UDP, one JSON object a datagram. The question goes to everybody, the answer to who asked. */
const Question = z.object({ ka: z.literal('who-serves') });
const Answer = z.object({ ka: z.literal('serves'), host: Line, address: IpAddress });
export type OtherServer = Omit<z.infer<typeof Answer>, 'ka'>;

/** One that asks does so three times a second, and then never again. */
const ANSWERS: Rations = {
  perAddress: { burst: 6, perSecond: 1 },
  total: { burst: 50, perSecond: 20 },
};

/** Longest datagram that may be a question or an answer, in bytes. */
const MAX_DATAGRAM_BYTES = 512;

const ASK_TIMES = 3;
const ASK_EVERY_MS = 300;

const bind = (socket: Socket, port: number, address?: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });

/** Answers until `signal` fires. Rejects when the port is taken. */
export const answerOthers = async (
  address: string,
  signal: AbortSignal,
  onError: (error: Error) => void,
): Promise<void> => {
  const socket = createSocket({ type: 'udp4', signal });
  await bind(socket, PORTS.boot);
  const answer = JSON.stringify({ ka: 'serves', host: hostname(), address } as const);
  socket.on('error', onError);
  const mayAnswer = rations(ANSWERS);
  const hear = (message: Buffer, from: RemoteInfo): void => {
    // Nobody can be answered at port 0, though it can be sent from.
    if (from.port === 0 || message.length > MAX_DATAGRAM_BYTES) return;
    if (!parseMessage(Question, message.toString()) || !mayAnswer(from.address)) return;
    socket.send(answer, from.port, from.address, (error) => error && onError(error));
  };
  socket.on('message', guarded(hear, onError));
};

/** Who else serves this network; undefined = nobody answers. */
export const findOtherServer = async (
  network: Ipv4Interface,
  signal: AbortSignal,
): Promise<OtherServer | undefined> => {
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const socket = createSocket({ type: 'udp4', signal: ending });
  try {
    await bind(socket, 0, network.address);
    socket.setBroadcast(true);
    let other: OtherServer | undefined;
    socket.on('message', (message) => {
      if (message.length > MAX_DATAGRAM_BYTES) return;
      other ??= parseMessage(Answer, message.toString());
    });
    const question = JSON.stringify({ ka: 'who-serves' } as const);
    for (let asked = 0; asked < ASK_TIMES && !other; asked += 1) {
      await new Promise<void>((resolve, reject) => {
        socket.send(question, PORTS.boot, network.broadcast, (error) =>
          error ? reject(error) : resolve(),
        );
      });
      await sleep(ASK_EVERY_MS, undefined, { signal: ending });
    }
    return other;
  } finally {
    over.abort();
  }
};
