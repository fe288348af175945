/** Two `ka pxe serve` on one network would send machines here and there: they find each other. */
import { createSocket, type Socket } from 'node:dgram';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { PORTS } from '../../protocol/constants.ts';
import { parseMessage } from '../../protocol/parse-message.ts';
import type { Ipv4Interface } from '../../system/interfaces.ts';

/** UDP, one JSON object a datagram. The question goes to everybody, the answer to who asked. */
const Question = z.object({ ka: z.literal('who-serves') });
const Answer = z.object({ ka: z.literal('serves'), host: z.string(), address: z.string() });
export type OtherServer = Omit<z.infer<typeof Answer>, 'ka'>;

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
  socket.on('message', (message, from) => {
    if (!parseMessage(Question, message.toString())) return;
    socket.send(answer, from.port, from.address, (error) => error && onError(error));
  });
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
