/** Somebody between two nodes, who may change what either says, byte for byte. */
import { connect, createServer, type Socket } from 'node:net';

export interface Tampering {
  host: string;
  port: number;
  /** How many connections there were. */
  connections(): number;
  close(): void;
}

export interface Tampers {
  /** What comes from the upstream; `offset` counts from the first byte of the connection. */
  down?(bytes: Buffer, offset: number, connection: number): Buffer;
  /** What comes from the downstream. */
  up?(bytes: Buffer, offset: number, connection: number): Buffer;
}

export const startTampering = async (
  to: () => { host: string; port: number },
  { down = (bytes) => bytes, up = (bytes) => bytes }: Tampers,
): Promise<Tampering> => {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (downstream) => {
    connections += 1;
    const connection = connections;
    const upstream = connect({ ...to(), noDelay: true });
    const pass = (from: Socket, into: Socket, change: typeof down): void => {
      let offset = 0;
      sockets.add(from);
      from.on('error', () => from.destroy());
      from.on('data', (bytes: Buffer) => {
        const changed = change(Buffer.from(bytes), offset, connection);
        offset += bytes.length;
        if (!into.destroyed) into.write(changed);
      });
      from.on('close', () => into.destroy());
    };
    pass(upstream, downstream, down);
    pass(downstream, upstream, up);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.98', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    host: '127.0.0.98',
    port: address.port,
    connections: () => connections,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};
