/** Connections of strangers and of honest machines, each from an address of its own on this machine. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class Callers implements Disposable {
  readonly #sockets: Socket[] = [];

  /** One connection from this loopback address; what is sent on it is kept in `text`. */
  async call(port: number, from: string): Promise<Caller> {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    this.#sockets.push(socket);
    const caller = new Caller(socket);
    await once(socket, 'connect').catch(() => undefined);
    return caller;
  }

  /** Many from one address, one after the other. */
  async callOften(port: number, from: string, times: number): Promise<Caller[]> {
    const callers: Caller[] = [];
    for (let call = 0; call < times; call += 1) callers.push(await this.call(port, from));
    return callers;
  }

  /** Connections nobody has ended. */
  get open(): number {
    return this.#sockets.filter(({ closed }) => !closed).length;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

export class Caller {
  readonly socket: Socket;
  text = '';
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      this.text += part;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.isClosed = true;
    });
  }
}
