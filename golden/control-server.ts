/** Accepts control links and settle channels (WebSocket over TLS). */
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { type ConnectionLimits, limitConnections } from '../system/connection-limits.ts';
import { guarded } from '../system/guard.ts';
import { listenOn } from '../system/tcp-server.ts';
import type { KeyPair } from '../trust/key-pair.ts';
import type { Connection } from './node-link.ts';
import { type Peer, peerOf } from './peer.ts';

/** Largest control message: a part of a node's log, or the facts of many disks. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Nobody sends a message in pieces here; the library's own client may cut it once. */
const MAX_FRAGMENTS = 8;

/** A handshake takes some milliseconds, on a busy golden with many nodes some more. */
const HANDSHAKE_MS = 5000;

/** Of who is not let in yet (docs/trust.md). An honest node has one, for some milliseconds or while it asks. */
const LIMITS: ConnectionLimits = { perAddress: 8, total: 256, quietMs: HANDSHAKE_MS };

export interface ControlServerOptions {
  keys: KeyPair;
  host: string | undefined;
  port: number;
  onControl: (connection: Connection) => void;
  /** A channel for one rsync connection; `token` names the node. True = it is one of a node. */
  onSettle: (channel: Duplex, token: string, peer: Peer) => boolean;
  /** Hears, seldom, of connections that were one too many. */
  say: (line: string) => void;
  signal: AbortSignal;
}

/** What was asked for; undefined for anything but a path of our own. */
const requestOf = (url: string | undefined): { path: string; token: string } | undefined => {
  const [, path, token = ''] =
    /^\/(control|settle)(?:\?token=([\w-]{1,64}))?$/.exec(url ?? '') ?? [];
  return path === undefined ? undefined : { path, token };
};

/** Reads what else comes, or its end would never be seen; and not for ever. */
const notFound = (socket: Duplex): void => {
  const late = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
  socket.once('close', () => clearTimeout(late));
  socket.resume();
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
};

/** Listens until `signal` fires. Throws `PortTaken`. Resolves with the port. */
export const startControlServer = async (options: ControlServerOptions): Promise<number> => {
  const { key, cert } = options.keys;
  const server = createServer({
    key,
    cert,
    minVersion: 'TLSv1.3',
    // Certificates are their own authority: what counts is the key they prove.
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_MS,
    headersTimeout: HANDSHAKE_MS,
    requestTimeout: HANDSHAKE_MS,
    keepAliveTimeout: 1,
    maxHeaderSize: 4096,
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    maxFragments: MAX_FRAGMENTS,
    perMessageDeflate: false,
  });
  const release = limitConnections(server, { limits: LIMITS, say: options.say });
  server.on('request', (_request, response) => {
    response.writeHead(404, { connection: 'close' }).end();
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on(
    'upgrade',
    guarded(
      (request, socket, head) => {
        // Without a handler an early reset by the peer would end the process.
        socket.on('error', () => socket.destroy());
        const wanted = requestOf(request.url);
        if (!wanted || !(request.socket instanceof TLSSocket)) {
          notFound(socket);
          return;
        }
        const tls = request.socket;
        const peer = peerOf(tls);
        const take = guarded(
          (websocket: Parameters<Parameters<typeof sockets.handleUpgrade>[3]>[0]) => {
            websocket.on('error', () => websocket.terminate());
            if (wanted.path === 'control') {
              const letIn = (): void => release(tls);
              options.onControl({ socket: websocket, raw: socket, peer, letIn });
            } else {
              const channel = createWebSocketStream(websocket);
              channel.on('error', () => channel.destroy());
              if (options.onSettle(channel, wanted.token, peer)) release(tls);
            }
          },
          (_error, websocket) => websocket.terminate(),
        );
        sockets.handleUpgrade(request, socket, head, take);
      },
      (_error, _request, socket) => socket.destroy(),
    ),
  );
  const taken = '; end the other session or choose --control-port';
  const port = await listenOn(server, options.port, options.host, taken);
  server.on('error', () => undefined);
  options.signal.addEventListener(
    'abort',
    () => {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      server.close();
      server.closeAllConnections();
    },
    { once: true },
  );
  return port;
};
