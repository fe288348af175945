/**
 * Which nodes answer pings but do not get on: a member that does nothing must
 * not hold a session for ever. Told what is known and what time it is, it says
 * whose time is up. Times in milliseconds of a clock that nobody sets.
 */
import type { Failure } from '../protocol/failure.ts';
import type { Member, PositionMessage } from './member.ts';

const MINUTE_MS = 60_000;

/** Longer than all steps before the streams may take together, with what is cleaned up before them. */
export const PREPARE_MS = 60 * MINUTE_MS;
/** Longer than all steps after the streams may take together. */
export const FINISH_MS = 240 * MINUTE_MS;
/** Longer than a disk may take for what the system has in memory for it: `sync` at the end of a stream. */
export const RECEIVE_MS = 45 * MINUTE_MS;
/** Who receives says twice a second where it is; its link lives, so that must come. */
export const UNTOLD_MS = 30_000;
/** How often it is looked. */
export const LOOK_MS = 1000;
/** Less than this in all that time is no progress. */
export const PROGRESS_BYTES = 16 * 1024 * 1024;
/** A node no further behind than this waits for the golden's disk, not the other way round. */
const LEVEL_BYTES = 1024 * 1024;

/** The running pass, as the golden sees it. */
export interface Standing {
  pass: number;
  /** First to last. */
  chain: readonly Member[];
  /** The golden's own position, and what the first node has acknowledged of it. */
  sent: number;
  acked: number;
  /** Nothing more will be sent. */
  ended: boolean;
}

export interface Late {
  member: Member;
  failure: Failure;
}

/** How far one node is in one pass. */
interface Track {
  pass: number;
  /** Looks since its last word: not times, for a golden that was stopped meanwhile has heard nobody. */
  unheard: number;
  received: number;
  drained: number;
  /** Where it was when it was last seen to get on, or had nothing to do. */
  markBytes: number;
  markMs: number;
}

export class Patience {
  readonly #tracks = new Map<Member, Track>();

  /** A pass begins for a node. */
  begin(member: Member, pass: number, nowMs: number): void {
    const nothing = { unheard: 0, received: 0, drained: 0, markBytes: 0 };
    this.#tracks.set(member, { pass, markMs: nowMs, ...nothing });
  }

  /** A node's regular word on where it is. */
  position(member: Member, { pass, received, drained }: PositionMessage): void {
    const track = this.#tracks.get(member);
    if (track?.pass !== pass) return;
    track.unheard = 0;
    track.received = received;
    track.drained = drained;
  }

  /** Whose time is up; to be called each second. `standing`: of the running pass, if one runs. */
  look(members: readonly Member[], standing: Standing | undefined, nowMs: number): Late[] {
    return [
      ...members.flatMap((member) => this.#lateAtWork(member, nowMs) ?? []),
      ...members.flatMap((member) => this.#untold(member) ?? []),
      ...this.#stuck(members, standing, nowMs),
    ];
  }

  #lateAtWork(member: Member, nowMs: number): Late | undefined {
    const limits = { preparing: PREPARE_MS, finishing: FINISH_MS } as const;
    const { state } = member;
    if (state !== 'preparing' && state !== 'finishing') return undefined;
    if (nowMs - member.stateSinceMs < limits[state]) return undefined;
    const minutes = limits[state] / MINUTE_MS;
    return late(member, `has been ${state} for ${minutes} min, longer than its steps may take`);
  }

  #untold(member: Member): Late | undefined {
    const track = this.#trackOf(member);
    if (track === undefined) return undefined;
    track.unheard += 1;
    if (track.unheard * LOOK_MS <= UNTOLD_MS) return undefined;
    const seconds = UNTOLD_MS / 1000;
    return late(member, `has not said for ${seconds} s how far it is in pass ${track.pass}`);
  }

  /**
   * Of those in the chain the last one that does not get on: who is before it
   * waits for it. When it has gone the others begin anew.
   */
  #stuck(members: readonly Member[], standing: Standing | undefined, nowMs: number): Late[] {
    const chain = standing?.chain ?? [];
    const inChain = chain.flatMap((member, index) => {
      const before = chain[index - 1];
      const aheadBytes = before ? (this.#tracks.get(before)?.received ?? 0) : standing?.sent;
      const limit = index === 0 ? standing?.acked : undefined;
      const ahead = standing?.ended ? Number.POSITIVE_INFINITY : (aheadBytes ?? 0);
      return this.#isStuck(member, { ahead, acked: limit }, nowMs) ? [member] : [];
    });
    const alone = members
      .filter((member) => !chain.includes(member))
      .filter((member) => this.#isStuck(member, { ahead: Number.POSITIVE_INFINITY }, nowMs));
    const last = inChain.at(-1);
    if (last !== undefined) {
      for (const member of chain) this.#mark(member, nowMs);
      alone.push(last);
    }
    const minutes = RECEIVE_MS / MINUTE_MS;
    return alone.map((member) =>
      late(member, `has taken next to nothing of the pass for ${minutes} min, although it could`),
    );
  }

  /** `acked`: where the golden knows itself what it has. */
  #isStuck(
    member: Member,
    { ahead, acked }: { ahead: number; acked?: number | undefined },
    nowMs: number,
  ): boolean {
    const track = this.#trackOf(member);
    if (track === undefined) return false;
    const received = Math.min(track.received, acked ?? track.received);
    const drained = Math.min(track.drained, received);
    const isIdle = ahead - received < LEVEL_BYTES && received - drained < LEVEL_BYTES;
    if (isIdle || received + drained - track.markBytes >= PROGRESS_BYTES) {
      track.markBytes = received + drained;
      track.markMs = nowMs;
    }
    return nowMs - track.markMs >= RECEIVE_MS;
  }

  #mark(member: Member, nowMs: number): void {
    const track = this.#tracks.get(member);
    if (track) track.markMs = nowMs;
  }

  #trackOf(member: Member): Track | undefined {
    return member.state === 'receiving' ? this.#tracks.get(member) : undefined;
  }
}

const late = (member: Member, what: string): Late => ({
  member,
  failure: {
    code: 'NoProgress',
    message: `${member.name} (${member.address}) lives, but ${what}; look at its console, then give it another try (r on the board)`,
  },
});
