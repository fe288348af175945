/** Gives menus, boot loaders, kernels and initrds by HTTP, and tells who fetches what. */
import { type FileHandle, open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ConnectionLimits, limitConnections } from '../../system/connection-limits.ts';
import { guarded } from '../../system/guard.ts';
import { NamedError } from '../../system/named-error.ts';
import { plainAddress } from '../../system/plain-address.ts';
import { seldom } from '../../system/seldom.ts';
import { imagesDirectory } from '../store.ts';
import { giveMenu } from './give-menu.ts';
import type { Menus } from './menus.ts';
import { bootDirectory } from './paths.ts';

export interface Download {
  /** IPv4 address of the machine that fetches. */
  client: string;
  /** Path of the file: "images/default/vmlinuz". */
  file: string;
  state: 'start' | 'finish' | 'broken';
  bytes: number;
  milliseconds: number;
}

export interface FileServerOptions {
  address: string;
  port: number;
  /** They go before files of the same name. */
  menus: Menus;
  onDownload: (download: Download) => void;
  onError: (error: Error) => void;
  signal: AbortSignal;
}

/**
 * A firmware fetches one file after the other; hundreds of machines do at once.
 * A download that does not get on for a minute has lost its machine: 64 KiB are
 * a step, and even 100 kbit/s take five seconds for them.
 */
const LIMITS: ConnectionLimits = { perAddress: 16, total: 1024, idleMs: 60_000, quietMs: 5000 };

/** A firmware sends its question at once, and asks the next one on a connection of its own or soon. */
const QUESTION = {
  maxHeaderSize: 8192,
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
};

/** Of an image only what a boot loader needs. */
const FROM_IMAGES = /^images\/[A-Za-z0-9][A-Za-z0-9._-]{0,63}\/(?:vmlinuz|initrd\.img)$/;

/** Names without a way up or to hidden files. */
const BOOT_FILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$/;

/** Where the file of this path is kept; undefined when no file can have it. */
const placeOf = (file: string): string | undefined => {
  if (FROM_IMAGES.test(file)) return join(imagesDirectory(), file.slice('images/'.length));
  return BOOT_FILE.test(file) ? join(bootDirectory(), file) : undefined;
};

const openFile = async (place: string) => {
  try {
    const handle = await open(place);
    const facts = await handle.stat();
    if (facts.isFile()) return { handle, bytes: facts.size };
    await handle.close();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined;
    throw error;
  }
};

/** Its connection is over, too: who asks wrongly may send a body, or no end of them. */
const refuse = (response: ServerResponse, status: number): void => {
  response.writeHead(status, {
    'content-length': 0,
    connection: 'close',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end();
};

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  { menus, onDownload }: Pick<FileServerOptions, 'menus' | 'onDownload'>,
): Promise<void> => {
  const { method, url = '/' } = request;
  if ((method !== 'GET' && method !== 'HEAD') || hasBody(request)) {
    refuse(response, method === 'GET' || method === 'HEAD' ? 413 : 405);
    return;
  }
  // The path prefix of pxelinux and the path it adds may leave two slashes.
  const file = (url.split('?', 1)[0] ?? '').replace(/^\/+/, '');
  if (menus.has(file)) {
    await giveMenu(menus, file, request, response);
    return;
  }
  const place = placeOf(file);
  const found = place === undefined ? undefined : await openFile(place);
  if (!found) {
    refuse(response, 404);
    return;
  }
  await using handle = found.handle;
  const { bytes } = found;
  response.writeHead(200, {
    'content-length': bytes,
    'content-type': 'application/octet-stream',
  });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  const client = plainAddress(request.socket);
  await send({ handle, bytes, file, client }, response, onDownload);
};

interface Sending {
  handle: FileHandle;
  bytes: number;
  file: string;
  client: string;
}

const send = async (
  { handle, bytes, file, client }: Sending,
  response: ServerResponse,
  onDownload: FileServerOptions['onDownload'],
): Promise<void> => {
  const since = Date.now();
  const tell = (state: Download['state'], sent: number) =>
    onDownload({ client, file, state, bytes: sent, milliseconds: Date.now() - since });
  tell('start', bytes);
  // Not more than was promised, should it grow meanwhile.
  const stream = handle.createReadStream({
    autoClose: false,
    ...(bytes > 0 && { end: bytes - 1 }),
  });
  // A machine that goes away has broken off, or has had the last byte.
  await pipeline(stream, response).catch(() => undefined);
  tell(stream.bytesRead === bytes ? 'finish' : 'broken', stream.bytesRead);
};

/** Serves until `signal` fires. Throws `PortInUse`. Resolves with the port. */
export const serveFiles = (options: FileServerOptions): Promise<number> => {
  const { address, port, onError, signal } = options;
  const say = seldom((line) => onError(new NamedError('BootFiles', `boot files by HTTP: ${line}`)));
  const busy = new WeakSet<Socket>();
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { socket } = request;
    // Questions in advance would each keep a file open.
    if (busy.has(socket)) {
      socket.destroy();
      return;
    }
    busy.add(socket);
    response.once('close', () => busy.delete(socket));
    await answer(request, response, options);
  };
  const server = createServer(
    QUESTION,
    guarded(respond, ({ message }, _request, response) => {
      say('broken', message);
      if (response.headersSent) response.destroy();
      else refuse(response, 500);
    }),
  );
  limitConnections(server, { limits: LIMITS, say: (line) => say('limits', line) });
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const message = taken
        ? `port ${port}/tcp (boot files) is taken on ${address}; end what uses it`
        : `cannot serve boot files on ${address}:${port}: ${cause.message}`;
      reject(new NamedError(taken ? 'PortInUse' : 'CannotListen', message, { cause }));
    });
    server.listen(port, address, () => {
      const at = server.address();
      resolve(typeof at === 'object' && at ? at.port : port);
    });
    const close = () => {
      server.close();
      server.closeAllConnections();
    };
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
  });
};
