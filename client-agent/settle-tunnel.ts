/** A local port for rsync whose connections go to the golden through TLS. */
import { createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { GoldenMessage } from '../protocol/control.ts';
import type { SettleSource } from '../stage2/step.ts';
import { NamedError } from '../system/named-error.ts';
import type { GoldenLink } from './golden-link.ts';

type Access = NonNullable<Extract<GoldenMessage, { type: 'complete' }>['settle']>;

const LOOPBACK = '127.0.0.1';

const carry = async (socket: Socket, link: GoldenLink, token: string): Promise<void> => {
  const channel = await link.openSettleChannel(token);
  await Promise.all([pipeline(socket, channel), pipeline(channel, socket)]);
};

const portOf = (server: Server): number => {
  const address = server.address();
  if (typeof address === 'object' && address) return address.port;
  throw new NamedError('NoPort', 'no local port for rsync; is the loopback interface up?');
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
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    carry(socket, link, access.token).catch((error: Error) => {
      // rsync reports the consequence; this line tells the cause.
      log(`settle channel: ${error.message}`);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, resolve);
  });
  signal.addEventListener(
    'abort',
    () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
    { once: true },
  );
  const port = portOf(server);
  return {
    password: access.secret,
    url: (mount) => {
      const module = access.modules[mount];
      if (module !== undefined) return `rsync://${access.user}@${LOOPBACK}:${port}/${module}`;
      throw new NamedError('NothingToSettle', `the golden offers nothing to settle for ${mount}`);
    },
  };
};
