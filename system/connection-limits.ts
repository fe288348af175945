/**
 * Nobody locks others out of a port by keeping its connections: how many one
 * address and all together may have open, who makes room for whom, and how long
 * a connection may rest. For any TCP server of ours, also one of HTTP or TLS.
 */
import type { Server, Socket } from 'node:net';
import { peerPlace, plainAddress } from './plain-address.ts';
import { seldom } from './seldom.ts';

export interface ConnectionLimits {
  /** Open at once from one address. */
  perAddress: number;
  /** Open at once in all. */
  total: number;
  /** Ended when no bytes moved for so long, in milliseconds; undefined = it may rest for ever. */
  idleMs?: number | undefined;
  /**
   * Among addresses that have no more connections than the newcomer's, only one
   * that rested for so long makes room, in milliseconds.
   */
  quietMs: number;
}

export interface LimitOptions {
  limits: ConnectionLimits;
  /** Hears in one line, seldom, whose connections were ended. */
  say: (line: string) => void;
  /** What counts as one peer. Default: `peerPlace` of its IP address. */
  addressOf?: (socket: Socket) => string;
  /**
   * Ends a connection that must go, with a last word for it; in its own time,
   * it does not count any more. Default: cut at once.
   */
  end?: (socket: Socket, why: string) => void;
}

/**
 * From now on this connection counts no more and stays, however long it rests.
 * Takes what has its addresses: TLS has another socket for the same connection.
 */
export type Release = (socket: Pick<Socket, 'remoteAddress' | 'remotePort'>) => void;

const placeOf = (socket: Socket): string => peerPlace(plainAddress(socket));

/** Rested connections are looked for so often within `idleMs`. */
const LOOKS = 4;

interface Connection {
  socket: Socket;
  address: string;
  /** Bytes it had moved when it was looked at, and since when they are the same. */
  moved: number;
  sinceMs: number;
}

/** What a write has handed over whole; the rest of it may wait for a peer that does not read. */
const movedBy = ({ bytesRead, bytesWritten, writableLength }: Socket): number =>
  bytesRead + bytesWritten - writableLength;

/** How long nothing moved, in milliseconds, as far as it was looked at. */
const restedMs = (connection: Connection, nowMs: number): number => {
  const moved = movedBy(connection.socket);
  if (moved !== connection.moved) {
    connection.moved = moved;
    connection.sinceMs = nowMs;
  }
  return nowMs - connection.sinceMs;
};

/** The one that rested longest; of equals the oldest. */
const quietest = (connections: Iterable<Connection>, nowMs: number): Connection | undefined => {
  let found: Connection | undefined;
  for (const connection of connections) {
    restedMs(connection, nowMs);
    if (!found || connection.sinceMs < found.sinceMs) found = connection;
  }
  return found;
};

/**
 * Limits the connections of `server` from now on. To be called before it listens.
 *
 * A newcomer beyond `perAddress` replaces the connection of its own address that
 * rested longest; beyond `total`, that of the address that has most. So an
 * address with many makes room for one with few, and between equals a resting
 * connection for a new one. When none may be replaced, the newcomer is ended
 * before any other listener of 'connection' sees it open.
 *
 * Returns what takes a connection out of all this. Also keeps the errors of connections that could not be accepted from ending
 * the process, and says them.
 */
export const limitConnections = (server: Server, options: LimitOptions): Release => {
  const { limits, addressOf = placeOf, end = (socket) => socket.destroy() } = options;
  const open = new Map<string, Set<Connection>>();
  const say = seldom(options.say);
  let total = 0;
  let timer: NodeJS.Timeout | undefined;

  const forget = (connection: Connection): void => {
    const own = open.get(connection.address);
    if (!own?.delete(connection)) return;
    total -= 1;
    if (own.size === 0) open.delete(connection.address);
    if (total > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  const evict = (connection: Connection, why: string): void => {
    forget(connection);
    end(connection.socket, why);
  };

  const endIdle = (idleMs: number): void => {
    const nowMs = Date.now();
    for (const connections of [...open.values()]) {
      for (const connection of [...connections]) {
        if (restedMs(connection, nowMs) >= idleMs) {
          evict(connection, `nothing came or went for ${idleMs / 1000} s`);
        }
      }
    }
  };

  /** The address with most connections; of equals the one with the quietest. */
  const greediest = (nowMs: number): { count: number; quietest: Connection } | undefined => {
    let found: { count: number; quietest: Connection } | undefined;
    for (const connections of open.values()) {
      if (found && connections.size < found.count) continue;
      const own = quietest(connections, nowMs);
      if (!own) continue;
      if (!found || connections.size > found.count || own.sinceMs < found.quietest.sinceMs) {
        found = { count: connections.size, quietest: own };
      }
    }
    return found;
  };

  /** Makes room for one more of `address`; false = there is none. */
  const makeRoom = (address: string): boolean => {
    const own = open.get(address);
    const count = own?.size ?? 0;
    const nowMs = Date.now();
    if (own && count >= limits.perAddress) {
      const oldest = quietest(own, nowMs);
      say(`own ${address}`, `${address} has ${count} connections here, which is all it may`);
      if (!oldest || restedMs(oldest, nowMs) < limits.quietMs) return false;
      evict(oldest, `${limits.perAddress} connections of one machine are the most`);
      return true;
    }
    if (total < limits.total) return true;
    const most = greediest(nowMs);
    say('all', `all ${total} connections are taken, most by ${most?.quietest.address}`);
    if (!most) return false;
    const owes = most.count > count + 1 || restedMs(most.quietest, nowMs) >= limits.quietMs;
    if (owes) evict(most.quietest, `${limits.total} connections are the most`);
    return owes;
  };

  server.prependListener('connection', (socket: Socket) => {
    // An early reset by the peer must find somebody who hears of it.
    socket.on('error', () => socket.destroy());
    const address = addressOf(socket);
    if (!makeRoom(address)) {
      socket.destroy();
      return;
    }
    const connection = { socket, address, moved: 0, sinceMs: Date.now() };
    const own = open.get(address) ?? new Set();
    open.set(address, own.add(connection));
    total += 1;
    socket.once('close', () => forget(connection));
    const { idleMs } = limits;
    if (idleMs !== undefined) timer ??= setInterval(() => endIdle(idleMs), idleMs / LOOKS);
  });
  server.on('error', (error) => {
    // One before it listens is said by whoever made it listen.
    if (server.listening) say('accept', `a connection could not be accepted: ${error.message}`);
  });
  return ({ remoteAddress, remotePort }) => {
    for (const connections of open.values()) {
      for (const connection of connections) {
        const { socket } = connection;
        if (socket.remotePort !== remotePort || socket.remoteAddress !== remoteAddress) continue;
        forget(connection);
        return;
      }
    }
  };
};
