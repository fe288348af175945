/** Datagrams to and from everybody on the networks of this machine. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { guarded } from './guard.ts';
import { type Ipv4Interface, ipv4Interfaces } from './interfaces.ts';

/** RFC 3021 and below: two addresses, or one, and none for everybody. */
const hasBroadcast = ({ netmask }: Ipv4Interface): boolean => !/\.25[45]$/.test(netmask);

/** How a datagram came: to the port all listen on, or to where one was sent from, as its answer. */
export type Way = 'shouted' | 'answered';

/** Sends from one address of this machine, so that whoever hears it can answer there. */
class Speaker {
  readonly #network: Ipv4Interface;
  readonly #socket: Socket;
  readonly #onTrouble: (error: Error) => void;
  /** What went wrong with each address it sends to, as last told. */
  readonly #told = new Map<string, string>();
  /** Resolves when it can send, or never will. */
  readonly ready: Promise<void>;
  #closed = false;

  constructor(
    network: Ipv4Interface,
    onMessage: (message: Buffer, from: RemoteInfo) => void,
    onTrouble: (error: Error) => void,
  ) {
    this.#network = network;
    this.#onTrouble = onTrouble;
    this.#socket = createSocket('udp4', onMessage);
    this.ready = new Promise((resolve) => {
      const fail = (error: Error): void => {
        this.close();
        onTrouble(error);
        resolve();
      };
      const prepare = (): void => {
        this.#socket.setBroadcast(true);
        this.#socket.setMulticastInterface(network.address);
        this.#socket.setMulticastTTL(1);
        resolve();
      };
      this.#socket.on('error', fail);
      this.#socket.on('close', resolve);
      this.#socket.bind(0, network.address, guarded(prepare, fail));
    });
  }

  broadcast(text: string, port: number): void {
    if (hasBroadcast(this.#network)) this.#send(text, port, this.#network.broadcast);
  }

  multicast(text: string, port: number, group: string): void {
    this.#send(text, port, group);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  /** A network that does not do one of the two ways is told of once, not each time. */
  #send(text: string, port: number, host: string): void {
    if (this.#closed) return;
    this.#socket.send(text, port, host, (error) => {
      if (!error) this.#told.delete(host);
      else if (error.message !== this.#told.get(host)) {
        this.#told.set(host, error.message);
        this.#onTrouble(error);
      }
    });
  }
}

export interface SpeakersOptions {
  /** UDP port all of them listen on. */
  port: number;
  /** Multicast group all of them are in. */
  group: string;
  /** Only the network of this address; all without it. */
  address: string | undefined;
  onMessage: (message: Buffer, from: RemoteInfo, way: Way) => void;
  /** One network does not work, or not in each way; the others do. */
  onTrouble: (error: Error) => void;
}

/**
 * A listener on a port and in a group, and a speaker for each address of this
 * machine. Networks may come and go: they are looked for whenever something is said.
 */
export class Speakers {
  /** Resolves when the port is listened on; rejects when it cannot be. */
  readonly listening: Promise<void>;
  readonly #options: SpeakersOptions;
  readonly #listener: Socket;
  readonly #speakers = new Map<string, Speaker>();
  #joins = false;
  #closed = false;

  constructor(options: SpeakersOptions) {
    this.#options = options;
    this.#listener = createSocket({ type: 'udp4', reuseAddr: true }, (message, from) =>
      options.onMessage(message, from, 'shouted'),
    );
    this.listening = new Promise((resolve, reject) => {
      this.#listener.on('error', (error) => {
        reject(error);
        if (this.#joins) options.onTrouble(error);
      });
      this.#listener.bind(options.port, () => {
        this.#joins = true;
        // What was opened while the port was not yet.
        for (const network of ipv4Interfaces(options.address)) this.#join(network);
        resolve();
      });
    });
  }

  /**
   * Says it on each network and returns on how many. By broadcast first: that is
   * heard by machines of this very network only, which can all reach the sender.
   * Multicast is heard on the whole cable, where several networks may be.
   */
  say(text: string): number {
    const speakers = this.#refresh();
    void this.#speak(speakers, text);
    return speakers.length;
  }

  /** Answers one machine; it hears it from the address it can reach this one at. */
  answer(text: string, to: RemoteInfo): void {
    // One that asks from a network this machine is not on is not reached there; it hears what is said to all.
    this.#listener.send(text, to.port, to.address, () => undefined);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    for (const speaker of this.#speakers.values()) speaker.close();
    this.#speakers.clear();
  }

  async #speak(speakers: readonly Speaker[], text: string): Promise<void> {
    const { port, group } = this.#options;
    // All at once, or the first to be ready would be heard first.
    await Promise.all(speakers.map(({ ready }) => ready));
    for (const speaker of speakers) speaker.broadcast(text, port);
    for (const speaker of speakers) speaker.multicast(text, port, group);
  }

  #refresh(): Speaker[] {
    const { address, onMessage } = this.#options;
    const networks = new Map(
      ipv4Interfaces(address).map((network) => [`${network.name} ${network.address}`, network]),
    );
    for (const [key, speaker] of this.#speakers) {
      if (networks.has(key)) continue;
      speaker.close();
      this.#speakers.delete(key);
    }
    for (const [key, network] of networks) {
      if (this.#speakers.has(key)) continue;
      this.#join(network);
      const onTrouble = (error: Error): void => this.#trouble(network, error);
      const onAnswer = (message: Buffer, from: RemoteInfo): void =>
        onMessage(message, from, 'answered');
      this.#speakers.set(key, new Speaker(network, onAnswer, onTrouble));
    }
    return [...this.#speakers.values()];
  }

  /**
   * Several addresses may belong to one interface, and one address to several:
   * the system joins an interface, and refuses the second time.
   */
  #join(network: Ipv4Interface): void {
    if (!this.#joins) return;
    try {
      this.#listener.addMembership(this.#options.group, network.address);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE') this.#trouble(network, error as Error);
    }
  }

  #trouble({ name, address }: Ipv4Interface, cause: Error): void {
    this.#options.onTrouble(new Error(`${name} (${address}): ${cause.message}`, { cause }));
  }
}
