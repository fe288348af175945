import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Menus } from './menus.ts';

/**
 * Answers with a menu that is made now. There may be a ticket in it, so nobody
 * on the way keeps it; who only looks (HEAD) gets none.
 */
export const giveMenu = async (
  menus: Menus,
  file: string,
  { method, headers: { cookie }, socket }: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  if (method === 'HEAD') {
    response.writeHead(200, headers).end();
    return;
  }
  const client = socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  const text = await menus.make({ file, client, cookie });
  response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
};
