/** Accepts control links and settle channels (WebSocket over TLS). */
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { listenOn } from '../system/tcp-server.ts';
import type { Certificate } from './certificate.ts';

/** Largest control message: a node's whole log travels in one. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

export interface ControlServerOptions {
  certificate: Certificate;
  host: string | undefined;
  port: number;
  /** A node's control link; `address` is the node's, as seen from here. */
  onControl: (socket: WebSocket, address: string) => void;
  /** A channel for one rsync connection; `token` names the node. */
  onSettle: (channel: Duplex, token: string) => void;
  signal: AbortSignal;
}

const plainAddress = (address: string | undefined): string =>
  (address ?? '').replace(/^::ffff:/, '');

/** Listens until `signal` fires. Throws `PortTaken`. Resolves with the port. */
export const startControlServer = async (options: ControlServerOptions): Promise<number> => {
  const { key, cert } = options.certificate;
  const server = createServer({ key, cert });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'wss://golden');
    // Without a handler an early reset by the peer would end the process.
    socket.on('error', () => socket.destroy());
    if (url.pathname !== '/control' && url.pathname !== '/settle') {
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (websocket) => {
      if (url.pathname === '/control') {
        options.onControl(websocket, plainAddress(request.socket.remoteAddress));
      } else {
        const channel = createWebSocketStream(websocket);
        options.onSettle(channel, url.searchParams.get('token') ?? '');
      }
    });
  });
  const taken = '; end the other session or choose --control-port';
  const port = await listenOn(server, options.port, options.host, taken);
  options.signal.addEventListener(
    'abort',
    () => {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      server.close();
    },
    { once: true },
  );
  return port;
};
