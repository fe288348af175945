/**
 * Lets cloned nodes restart, not too many at once, and hears of them from
 * their own disks: a node counts as booted when it has said so from there.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GoldenMessage } from '../protocol/control.ts';
import { HomeServer } from './home-server.ts';
import { type Member, tell } from './member.ts';
import type { Roster } from './roster.ts';

export interface ReleasesOptions {
  roster: Roster;
  /** Pause between two nodes let go, in milliseconds. */
  delayMs: number;
  /** How many may restart at once. */
  window: number;
  /** Where nodes report from their own disks; null = they do not. Host undefined = all addresses. */
  listen: { host: string | undefined; port: number } | null;
  /** Hears in one line, seldom, what strangers do to that port. */
  say: (line: string) => void;
  signal: AbortSignal;
}

type Home = Extract<GoldenMessage, { type: 'complete' }>['home'];

/** A machine with much memory takes minutes to start; after so long somebody should look. */
export const BOOT_MS = 15 * 60_000;
/** How long a restart takes that nobody hears of, as far as power and boot server are concerned. */
export const UNSEEN_BOOT_MS = 60_000;

const TOKEN_BYTES = 16;

export class Releases {
  readonly #options: ReleasesOptions;
  readonly #tokens = new Map<string, Member>();
  /** Restarts nobody will hear of, still under way. */
  #unseen = 0;
  #queue: Promise<void> = Promise.resolve();
  /** Cloned nodes that were not told to go yet. */
  #queued = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #port: number | undefined;

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  /** Opens the port nodes report on, if they are to. Throws when it is taken. */
  async listen(): Promise<void> {
    const { listen, say, signal } = this.#options;
    if (!listen) return;
    const server = await HomeServer.start({
      host: listen.host ?? '0.0.0.0',
      port: listen.port,
      signal,
      onHome: this.#home,
      say,
    });
    this.#port = server.port;
  }

  /** What a node shall say when it runs from its own disk; null where it will not, or cannot. */
  homeOf(member: Member): Home {
    if (this.#port === undefined || !member.hello.reboot) return null;
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    this.#tokens.set(token, member);
    return { port: this.#port, token };
  }

  /** Its clone has nothing to report with. */
  willNotReport(member: Member): void {
    for (const [token, other] of this.#tokens) if (other === member) this.#tokens.delete(token);
  }

  /** Lets a cloned node restart when it is its turn. */
  release(member: Member): void {
    this.#queued += 1;
    this.#queue = this.#queue.then(async () => {
      await this.#turn();
      this.#lastMs = Date.now();
      if (member.hello.reboot) this.#watch(member);
      tell(member, { type: 'finish', action: 'reboot', reason: 'cloned' });
      this.#queued -= 1;
      this.#options.roster.changed();
    });
  }

  /** Whether every cloned node was told to go. */
  get areAllGone(): boolean {
    return this.#queued === 0;
  }

  /** Resolves when all nodes cloned so far have been told to go. */
  allLetGo(): Promise<void> {
    return this.#queue;
  }

  /** A session that is stopped lets its cloned nodes go at once. */
  async #turn(): Promise<void> {
    const { delayMs, window, roster, signal } = this.#options;
    const restarting = () => roster.count('booting') + this.#unseen;
    try {
      await roster.until(() => restarting() < window, signal);
      const pauseMs = this.#lastMs + delayMs - Date.now();
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #watch(member: Member): void {
    const { roster } = this.#options;
    if (![...this.#tokens.values()].includes(member)) {
      this.#unseen += 1;
      this.#after(UNSEEN_BOOT_MS, () => {
        this.#unseen -= 1;
        roster.changed();
      });
      return;
    }
    roster.set(member, 'booting');
    this.#after(BOOT_MS, () => {
      if (member.state !== 'booting') return;
      const message = `${member.name} is cloned and verified, but has not reported from its own disk within ${BOOT_MS / 60_000} min; look at its console`;
      roster.set(member, 'failed', { failure: { code: 'NotBooted', message } });
    });
  }

  #after(ms: number, work: () => void): void {
    const { signal } = this.#options;
    if (signal.aborted) return;
    const timer = setTimeout(work, ms);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  }

  #home = (token: string): boolean => {
    const member = this.#tokens.get(token);
    if (!member) return false;
    this.#tokens.delete(token);
    // One that took longer than it may is welcome all the same.
    this.#options.roster.set(member, 'booted');
    return true;
  };
}
