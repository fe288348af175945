/** The two ends of a connection on this machine; the accepted one does not read yet. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listenOn } from '../../system/tcp-server.ts';

export interface ConnectedSockets {
  dialled: Socket;
  accepted: Socket;
  close(): void;
}

export const connectedSockets = async (): Promise<ConnectedSockets> => {
  const server = createServer({ pauseOnConnect: true });
  const port = await listenOn(server, 0, '127.0.0.1', '');
  const dialled = connect(port, '127.0.0.1');
  const [[accepted]] = await Promise.all([
    once(server, 'connection') as Promise<[Socket]>,
    once(dialled, 'connect'),
  ]);
  const close = (): void => {
    dialled.destroy();
    accepted.destroy();
    server.close();
  };
  return { dialled, accepted, close };
};
