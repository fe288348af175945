/** Who is in the session, in which state; tells the event stream of every change. */
import type { Hello } from '../protocol/admission.ts';
import type { NewEvent, NodeState } from '../protocol/events.ts';
import type { Failure } from '../protocol/failure.ts';
import type { Member } from './member.ts';
import type { NodeLink } from './node-link.ts';

export interface StateChange {
  why?: string;
  failure?: Failure;
}

/** What a new member is made of. */
export interface Entry {
  hello: Hello;
  link: NodeLink;
  pin: string;
  bootMac: string | null;
}

export class Roster {
  readonly #members: Member[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #emit: (event: NewEvent) => void;

  constructor(emit: (event: NewEvent) => void) {
    this.#emit = emit;
  }

  get all(): readonly Member[] {
    return this.#members;
  }

  byNumber(number: number): Member | undefined {
    return this.#members.find((member) => member.number === number);
  }

  byPin(pin: string): Member | undefined {
    return this.#members.find((member) => member.pin === pin);
  }

  /** The machine that claims one of these addresses and has another key: the one that lives, if any does. */
  withMac(macs: readonly string[], pin: string): Member | undefined {
    const same = this.#members.filter(
      (member) =>
        member.pin !== pin && member.hello.inventory.macs.some((mac) => macs.includes(mac)),
    );
    return same.find(({ link }) => link !== null) ?? same[0];
  }

  count(...states: NodeState[]): number {
    return this.#members.filter((member) => states.includes(member.state)).length;
  }

  add(name: string, { hello, link, pin, bootMac }: Entry): Member {
    const member: Member = {
      number: this.#members.length + 1,
      name,
      pin,
      bootMac,
      hello,
      address: link.peer.address,
      link,
      state: 'waiting',
      stateSinceMs: performance.now(),
      why: undefined,
      failure: undefined,
      position: undefined,
      passes: 0,
      plans: 0,
      joinedMs: Date.now(),
    };
    this.#members.push(member);
    return member;
  }

  set(member: Member, state: NodeState, change: StateChange = {}): void {
    if (member.state !== state) member.stateSinceMs = performance.now();
    member.state = state;
    member.why = change.why ?? change.failure?.message;
    member.failure = change.failure;
    this.#emit({
      kind: 'node',
      node: member.number,
      name: member.name,
      address: member.address,
      state,
      ...(member.why === undefined ? {} : { why: member.why }),
      ...(change.failure === undefined ? {} : { failure: change.failure }),
      macs: member.hello.inventory.macs,
      ...(member.bootMac === null ? {} : { bootMac: member.bootMac }),
    });
    this.changed();
  }

  /** Lets everybody who waits in `until` look again. */
  changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /**
   * Resolves true as soon as `condition` holds, false after `timeoutMs`.
   * Rejects with the signal's reason when it fires.
   */
  until(condition: () => boolean, signal: AbortSignal, timeoutMs?: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const end = (finish: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const onAbort = () => end(() => reject(signal.reason));
      const look = () => {
        if (condition()) end(() => resolve(true));
      };
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => end(() => resolve(false)), timeoutMs);
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#watchers.add(look);
      look();
    });
  }
}
