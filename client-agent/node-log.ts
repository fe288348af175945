/** Everything this node says, once: on its screen, on port 12345, and to the golden. */
import { printable } from '../protocol/printable.ts';
import type { StatusServer } from './status-server.ts';

const FLUSH_MS = 250;

/** Lines of one message: the golden takes no large ones. */
const MESSAGE_LINES = 200;

export class NodeLog {
  readonly #status: StatusServer;
  readonly #screen: (line: string) => void;
  #pending: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #forward: ((lines: string[]) => void) | undefined;

  constructor(status: StatusServer, screen: (line: string) => void) {
    this.#status = status;
    this.#screen = screen;
  }

  /** Where lines go besides screen and status port; undefined = nowhere for now. */
  forwardTo(forward: ((lines: string[]) => void) | undefined): void {
    this.flush();
    this.#forward = forward;
  }

  /** A line for operators: screen, status port, golden. */
  say = (line: string): void => {
    this.#screen(printable(line));
    this.detail(line);
  };

  /** A line of a command's output: status port and golden only. */
  detail = (line: string): void => {
    this.#status.write(line);
    if (!this.#forward) return;
    this.#pending.push(line);
    this.#timer ??= setTimeout(this.flush, FLUSH_MS);
  };

  /** Sends what has gathered for the golden. */
  flush = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#pending.splice(0);
    for (let at = 0; at < lines.length; at += MESSAGE_LINES) {
      this.#forward?.(lines.slice(at, at + MESSAGE_LINES));
    }
  };
}
