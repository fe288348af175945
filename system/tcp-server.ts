/** What all TCP servers of ours do alike: say which port is taken, and end with a signal. */
import type { Server, Socket } from 'node:net';
import { NamedError } from './named-error.ts';

/**
 * Listens and resolves with the port, also where 0 asked for any. Throws
 * `PortTaken`, which ends with `otherwise`: what that means and what to do.
 */
export const listenOn = async (
  server: Server,
  port: number,
  host: string | undefined,
  otherwise: string,
): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new NamedError('PortTaken', `port ${port} is in use on this machine${otherwise}`, {
              cause: error,
            })
          : error,
      ),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
};

/** Closes the server and all its connections when `signal` fires. To be called before it listens. */
export const endWith = (server: Server, signal: AbortSignal): void => {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  signal.addEventListener(
    'abort',
    () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
    { once: true },
  );
};
