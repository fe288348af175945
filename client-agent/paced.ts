/**
 * Sends no faster than the golden hears: one that says too much in a second is
 * dropped there, whoever made it say so.
 */
/** What the golden takes is twice as much: 400 at once, 200 a second from then on. */
const AT_ONCE = 200;
const PER_TICK = 5;
const TICK_MS = 50;

/** What waits beyond that is left out, where it may be. */
const MOST_WAITING = 5000;

export class Paced<Message> {
  readonly #write: (message: Message) => void;
  readonly #mayBeLeftOut: (message: Message) => boolean;
  #left = AT_ONCE;
  #waiting: Message[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    write: (message: Message) => void,
    mayBeLeftOut: (message: Message) => boolean = () => false,
  ) {
    this.#write = write;
    this.#mayBeLeftOut = mayBeLeftOut;
  }

  /** At once, or in its turn. */
  send(message: Message): void {
    this.#timer ??= setInterval(this.#tick, TICK_MS);
    if (this.#waiting.length === 0 && this.#left > 0) {
      this.#left -= 1;
      this.#write(message);
    } else if (this.#waiting.length < MOST_WAITING || !this.#mayBeLeftOut(message)) {
      this.#waiting.push(message);
    }
  }

  /** Says the rest now, for nothing follows. */
  end(): void {
    this.stop();
    for (const message of this.#waiting.splice(0, AT_ONCE)) this.#write(message);
    this.#waiting = [];
  }

  /** Nobody hears it any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    this.#left = Math.min(AT_ONCE, this.#left + PER_TICK);
    const next = this.#waiting.splice(0, this.#left);
    this.#left -= next.length;
    for (const message of next) this.#write(message);
    if (this.#left === AT_ONCE) this.stop();
  };
}
