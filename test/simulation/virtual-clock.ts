/** Time that passes only from one event to the next: a heap of what is to happen when. */
interface Event {
  atMs: number;
  /** Events of the same moment happen in the order in which they were made. */
  number: number;
  run: () => void;
}

const isBefore = (a: Event, b: Event): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);

export class VirtualClock {
  nowMs = 0;
  readonly #heap: Event[] = [];
  #made = 0;
  #stopped = false;

  at(atMs: number, run: () => void): void {
    this.#made += 1;
    const event = { atMs, number: this.#made, run };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** Ends `run` after the present event. */
  stop(): void {
    this.#stopped = true;
  }

  /** Runs events until there is none, `stop()`, or the next one is after `untilMs`. */
  run(untilMs: number): void {
    this.#stopped = false;
    while (!this.#stopped) {
      const event = this.#take();
      if (event === undefined || event.atMs > untilMs) return;
      this.nowMs = event.atMs;
      event.run();
    }
  }

  #take(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let below = heap[child];
      if (below === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, below)) {
        below = right;
        child += 1;
      }
      if (isBefore(last, below)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}
