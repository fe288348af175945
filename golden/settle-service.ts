/**
 * Lets nodes fetch by rsync what changed on the golden while it was being read.
 * No open module: a node comes through its own TLS channel with a token, then
 * names itself to rsync with a secret, both made for this session only.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GoldenMessage } from '../protocol/control.ts';
import type { NewEvent } from '../protocol/events.ts';
import { settleConfig, settleModuleName, settleServerArgs } from '../streams/settle-server.ts';
import { printable } from '../system/printable.ts';
import { replacePrivately } from '../system/private-files.ts';
import { seldom } from '../system/seldom.ts';
import { type SettleTree, SettleView } from './settle-view.ts';

export type SettleAccess = Extract<GoldenMessage, { type: 'complete' }>['settle'];

/** So many rsyncs read the golden's disk at once; the others wait their turn. */
export const MAX_CONCURRENT = 4;

/** Of one node: one that runs, and the next one, which may be here before the end of the first is. */
const MAX_OF_NODE = 2;

/** Longer than the step may take on the node. */
const CHANNEL_MS = 65 * 60_000;

const SECRET_BYTES = 18;

interface Ticket {
  node: number;
  user: string;
  secret: string;
}

interface Channel {
  ticket: Ticket;
  channel: Duplex;
  /** Ends it: the session is over, the node is dismissed, or it took too long. */
  signal: AbortSignal;
}

export class SettleService {
  readonly #trees: readonly SettleTree[];
  readonly #emit: (event: NewEvent) => void;
  readonly #say: (kind: string, line: string) => void;
  readonly #tickets = new Map<string, Ticket>();
  /** By node: fires when it is dismissed. */
  readonly #dismissals = new Map<number, AbortController>();
  readonly #open = new Set<Channel>();
  #queue: Channel[] = [];
  #running = 0;
  #made = 0;
  #view: Promise<SettleView> | undefined;
  #isWeaknessTold = false;

  constructor(trees: readonly SettleTree[], emit: (event: NewEvent) => void) {
    this.#trees = trees;
    this.#emit = emit;
    this.#say = seldom((message) => this.#warn(null, message));
  }

  /** Makes the secrets of one node. Null when there are no files to settle. */
  admit(node: number): SettleAccess {
    if (this.#trees.length === 0) return null;
    this.dismiss(node);
    const newSecret = () => randomBytes(SECRET_BYTES).toString('base64url');
    const ticket = { node, user: `node${node}`, secret: newSecret() };
    const token = newSecret();
    this.#tickets.set(token, ticket);
    this.#dismissals.set(node, new AbortController());
    const modules = Object.fromEntries(
      this.#trees.map(({ mount }) => [mount, settleModuleName(mount)]),
    );
    return { user: ticket.user, secret: ticket.secret, token, modules };
  }

  /** Its secrets are worth nothing from now on, and what it still fetches ends. */
  dismiss(node: number): void {
    for (const [token, ticket] of this.#tickets) {
      if (ticket.node === node) this.#tickets.delete(token);
    }
    this.#dismissals.get(node)?.abort();
    this.#dismissals.delete(node);
  }

  /** Connects one channel of a node to an rsync of its own, when its turn comes. */
  serve(channel: Duplex, token: string, node: number | undefined, signal: AbortSignal): void {
    // Whatever becomes of it, and whoever else listens: an error ends this channel only.
    channel.on('error', () => channel.destroy());
    if (channel.destroyed) return;
    const ticket = this.#tickets.get(token);
    if (!ticket || ticket.node !== node) {
      channel.destroy();
      this.#say('token', 'a settle channel without a valid token was refused');
      return;
    }
    const ofNode = [...this.#open].filter((other) => other.ticket.node === ticket.node).length;
    if (ofNode >= MAX_OF_NODE) {
      channel.destroy();
      this.#say(
        `node ${ticket.node}`,
        `node ${ticket.node} wants too many settle channels at once`,
      );
      return;
    }
    const ends = [signal, AbortSignal.timeout(CHANNEL_MS)];
    const dismissal = this.#dismissals.get(ticket.node)?.signal;
    const waiting = {
      ticket,
      channel,
      signal: AbortSignal.any(dismissal ? [...ends, dismissal] : ends),
    };
    this.#open.add(waiting);
    waiting.signal.addEventListener('abort', () => channel.destroy(), { once: true });
    channel.once('close', () => {
      this.#open.delete(waiting);
      this.#queue = this.#queue.filter((other) => other !== waiting);
    });
    this.#queue.push(waiting);
    this.#next();
  }

  #next(): void {
    while (this.#running < MAX_CONCURRENT) {
      const channel = this.#queue.shift();
      if (!channel) return;
      this.#running += 1;
      this.#run(channel)
        .catch((error: Error) => {
          if (channel.signal.aborted) return;
          this.#warn(channel.ticket.node, `settle: ${printable(error.message)}`);
        })
        .finally(() => {
          channel.channel.destroy();
          this.#running -= 1;
          this.#next();
          if (this.#running === 0) this.#closeView();
        });
    }
  }

  async #run({ ticket, channel, signal }: Channel): Promise<void> {
    this.#view ??= SettleView.open(this.#trees);
    const view = await this.#view;
    this.#tellWeakness(view);
    if (channel.destroyed) return;
    this.#made += 1;
    const configFile = join(view.directory, `channel-${this.#made}.conf`);
    const secretsFile = join(view.directory, `channel-${this.#made}.secrets`);
    try {
      const { modules } = view;
      replacePrivately(secretsFile, `${ticket.user}:${ticket.secret}\n`);
      replacePrivately(configFile, settleConfig({ modules, user: ticket.user, secretsFile }));
      await serveRsync(channel, view.argv(['rsync', ...settleServerArgs(configFile)]), signal);
    } finally {
      rmSync(configFile, { force: true });
      rmSync(secretsFile, { force: true });
    }
  }

  /** The next channel finds out anew what is mounted. */
  #closeView(): void {
    const view = this.#view;
    this.#view = undefined;
    view
      // One that could not be opened was told of by the channel it was for.
      ?.then(
        (opened) => opened.close(),
        () => undefined,
      )
      .catch((error: Error) => this.#say('view', `settle: ${error.message}`));
  }

  #tellWeakness({ weakness }: SettleView): void {
    if (weakness === undefined || this.#isWeaknessTold) return;
    this.#isWeaknessTold = true;
    this.#warn(
      null,
      `settling nodes could read what links of the golden lead to: ${printable(weakness)} (needs root and Linux 5.10)`,
    );
  }

  #warn(node: number | null, message: string): void {
    this.#emit({ kind: 'log', node, level: 'warning', message });
  }
}

/** Runs one daemon on one channel to its end. Rejects when it could not serve. */
const serveRsync = async (
  channel: Duplex,
  [command, ...args]: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<void> => {
  const rsync: ChildProcessByStdio<Writable, Readable, Readable> = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
    env: { ...process.env, LC_ALL: 'C' },
  });
  let complaint = '';
  rsync.stderr.on('data', (data: Buffer) => {
    complaint = (complaint + data.toString()).slice(-500);
  });
  const exit = new Promise<number>((resolve, reject) => {
    rsync.once('error', reject);
    rsync.once('close', (code) => resolve(code ?? 1));
  });
  const [code] = await Promise.all([
    exit,
    // The client hanging up first is how a settle normally ends; what counts
    // is rsync's exit status here and on the node.
    pipeline(channel, rsync.stdin, { signal }).catch(() => undefined),
    pipeline(rsync.stdout, channel, { signal }).catch(() => undefined),
  ]);
  if (code !== 0) throw new Error(`rsync on the golden exited ${code}: ${complaint.trim()}`);
};
