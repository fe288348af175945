/** A local port for rsync whose connections go to the golden through TLS. */
import { createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { GoldenMessage } from '../protocol/control.ts';
import type { SettleSource } from '../stage2/step.ts';
import { NamedError } from '../system/named-error.ts';
import { endWith, listenOn } from '../system/tcp-server.ts';
import type { GoldenLink } from './golden-link.ts';

type Access = NonNullable<Extract<GoldenMessage, { type: 'complete' }>['settle']>;

const LOOPBACK = '127.0.0.1';

const carry = async (socket: Socket, link: GoldenLink, token: string): Promise<void> => {
  const channel = await link.openSettleChannel(token);
  await Promise.all([pipeline(socket, channel), pipeline(channel, socket)]);
};

/**
 * Opens the tunnel until `signal` fires. rsync still has to name itself with
 * the session's secret, so other users of this machine gain nothing by the port.
 */
export const openSettleTunnel = async (
  link: GoldenLink,
  access: Access,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<SettleSource> => {
  const server = createServer((socket) => {
    carry(socket, link, access.token).catch((error: Error) => {
      // rsync reports the consequence; this line tells the cause.
      log(`settle channel: ${error.message}`);
      socket.destroy();
    });
  });
  endWith(server, signal);
  const port = await listenOn(server, 0, LOOPBACK, '');
  return {
    password: access.secret,
    url: (mount) => {
      const module = access.modules[mount];
      if (module !== undefined) return `rsync://${access.user}@${LOOPBACK}:${port}/${module}`;
      throw new NamedError('NothingToSettle', `the golden offers nothing to settle for ${mount}`);
    },
  };
};
