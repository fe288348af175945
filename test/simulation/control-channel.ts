/** One direction of a control link: messages in order, each after a delay of its own. */
import type { ModelNode } from './model-node.ts';
import type { World } from './world.ts';

export class ControlChannel {
  readonly #world: World;
  readonly #node: ModelNode;
  readonly #toNode: boolean;
  readonly #waiting: (() => void)[] = [];
  #lastMs = 0;
  #closed = false;

  constructor(world: World, node: ModelNode, toNode: boolean) {
    this.#world = world;
    this.#node = node;
    this.#toNode = toNode;
  }

  send(deliver: () => void): void {
    const { clock } = this.#world;
    this.#lastMs = Math.max(this.#lastMs, clock.nowMs + this.#world.controlMs());
    clock.at(this.#lastMs, () => {
      this.#waiting.push(deliver);
      this.flush();
    });
  }

  /** Delivers what has waited for the line or for the process. */
  flush(): void {
    while (this.#waiting.length > 0 && !this.#closed && !this.#node.cut) {
      if (this.#toNode && !this.#node.running) return;
      this.#waiting.shift()?.();
    }
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }
}

/** A node's control link. */
export interface Control {
  toNode: ControlChannel;
  toGolden: ControlChannel;
  /** The golden has given this node up. */
  givenUp: boolean;
}

export const openControl = (world: World, node: ModelNode): Control => ({
  toNode: new ControlChannel(world, node, true),
  toGolden: new ControlChannel(world, node, false),
  givenUp: false,
});
