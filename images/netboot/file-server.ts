/** Gives menus, boot loaders, kernels and initrds by HTTP, and tells who fetches what. */
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { NamedError } from '../../system/named-error.ts';
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

/** Of an image only what a boot loader needs. */
const FROM_IMAGES = /^images\/[A-Za-z0-9][A-Za-z0-9._-]*\/(?:vmlinuz|initrd\.img)$/;

/** Names without a way up or to hidden files. */
const BOOT_FILE = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/;

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
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
};

const refuse = (response: ServerResponse, status: number): void => {
  response.writeHead(status, {
    'content-length': 0,
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end();
};

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  { menus, onDownload }: Pick<FileServerOptions, 'menus' | 'onDownload'>,
): Promise<void> => {
  const { method, url = '/' } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    refuse(response, 405);
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
  const { handle, bytes } = found;
  response.writeHead(200, {
    'content-length': bytes,
    'content-type': 'application/octet-stream',
  });
  if (method === 'HEAD') {
    await handle.close();
    response.end();
    return;
  }
  const since = Date.now();
  const client = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  const tell = (state: Download['state'], sent: number) =>
    onDownload({ client, file, state, bytes: sent, milliseconds: Date.now() - since });
  tell('start', bytes);
  const stream = handle.createReadStream();
  try {
    await pipeline(stream, response);
    tell('finish', bytes);
  } catch {
    // The machine went away: either broken off, or as soon as it had the last byte.
    tell(stream.bytesRead === bytes ? 'finish' : 'broken', stream.bytesRead);
  }
};

/** Serves until `signal` fires. Throws `PortInUse`. */
export const serveFiles = (options: FileServerOptions): Promise<void> => {
  const { address, port, onError, signal } = options;
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: Error) => {
      onError(error);
      if (!response.headersSent) refuse(response, 500);
      else response.destroy();
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const message = taken
        ? `port ${port}/tcp (boot files) is taken on ${address}; end what uses it`
        : `cannot serve boot files on ${address}:${port}: ${cause.message}`;
      reject(new NamedError(taken ? 'PortInUse' : 'CannotListen', message, { cause }));
    });
    server.listen(port, address, () => {
      server.on('error', onError);
      resolve();
    });
    const close = () => {
      server.close();
      server.closeAllConnections();
    };
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
  });
};
