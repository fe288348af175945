/** What a machine has come to, and when: one line each, in seconds since its power button. */

export const milestones = [
  'power on',
  'DHCP offer',
  'kernel fetched',
  'initrd fetched',
  'agent up',
  'asks by code',
  'waiting in the session',
  'stage2 received',
  'receiving',
  'settling',
  'cloned',
  'rebooted',
  'phoned home',
  'login prompt',
] as const;
export type Milestone = (typeof milestones)[number];

export class Timeline {
  readonly #machine: string;
  readonly #say: (line: string) => void;
  readonly #reached = new Map<Milestone, number>();
  #startMs = 0;

  constructor(machine: string, say: (line: string) => void) {
    this.#machine = machine;
    this.#say = say;
  }

  /** Power on, for the first time or again: everything begins anew. */
  start(): void {
    this.#startMs = Date.now();
    this.#reached.clear();
    this.reach('power on');
  }

  /** Says it, the first time. */
  reach(milestone: Milestone, detail = ''): void {
    if (this.#reached.has(milestone)) return;
    const seconds = (Date.now() - this.#startMs) / 1000;
    this.#reached.set(milestone, seconds);
    this.note(`${milestone}${detail ? `: ${detail}` : ''}`);
  }

  has(milestone: Milestone): boolean {
    return this.#reached.has(milestone);
  }

  /** A line of this machine with the time. */
  note(text: string): void {
    const seconds = ((Date.now() - this.#startMs) / 1000).toFixed(1).padStart(6);
    this.#say(`${this.#machine} ${seconds} s  ${text}`);
  }

  /** Seconds from one to the other; undefined when either is missing. */
  between(from: Milestone, to: Milestone): number | undefined {
    const start = this.#reached.get(from);
    const end = this.#reached.get(to);
    return start === undefined || end === undefined ? undefined : end - start;
  }
}
