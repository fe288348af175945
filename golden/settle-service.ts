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
import {
  SILENCE_S,
  settleConfig,
  settleModuleName,
  settleServerArgs,
} from '../streams/settle-server.ts';
import { NamedError } from '../system/named-error.ts';
import { printable } from '../system/printable.ts';
import { replacePrivately } from '../system/private-files.ts';
import { seldom } from '../system/seldom.ts';
import { type SettleTree, SettleView } from './settle-view.ts';
import { SilenceWatch } from './silence-watch.ts';

export type SettleAccess = Extract<GoldenMessage, { type: 'complete' }>['settle'];

/** So many rsyncs read the golden's disk at once, each for another node; the others wait their turn. */
export const MAX_CONCURRENT = 4;

/** Of one node: one that runs, and the next one, which may be here before the end of the first is. */
const MAX_OF_NODE = 2;

/** A place is not kept for a channel on which nothing passes. */
export interface SettlePatience {
  /** For the node's first word. rsync says that by itself, before it looks at any file. */
  firstWordMs: number;
  /** From then on, in either direction. */
  silenceMs: number;
}

const PATIENCE: SettlePatience = { firstWordMs: 30_000, silenceMs: SILENCE_S * 1000 };

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
  readonly #patience: SettlePatience;
  readonly #served = new Set<number>();
  /** Nodes that held a place in silence: from then on all others come first. */
  readonly #silent = new Set<number>();
  #queue: Channel[] = [];
  #made = 0;
  #view: Promise<SettleView> | undefined;
  #isWeaknessTold = false;

  constructor(
    trees: readonly SettleTree[],
    emit: (event: NewEvent) => void,
    patience: SettlePatience = PATIENCE,
  ) {
    this.#trees = trees;
    this.#patience = patience;
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

  /** Of the nodes that are not being served the one that waits longest. */
  #turn(): Channel | undefined {
    const free = this.#queue.filter(({ ticket }) => !this.#served.has(ticket.node));
    return free.find(({ ticket }) => !this.#silent.has(ticket.node)) ?? free[0];
  }

  #next(): void {
    while (this.#served.size < MAX_CONCURRENT) {
      const channel = this.#turn();
      if (!channel) return;
      const { node } = channel.ticket;
      this.#queue = this.#queue.filter((other) => other !== channel);
      this.#served.add(node);
      this.#run(channel)
        .catch((error: Error) => {
          if (channel.signal.aborted) return;
          if (error instanceof NamedError && error.code === 'Silent') this.#silent.add(node);
          this.#warn(node, `settle: ${printable(error.message)}`);
        })
        .finally(() => {
          channel.channel.destroy();
          this.#served.delete(node);
          this.#next();
          if (this.#served.size === 0) this.#closeView();
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
      const command = view.argv(['rsync', ...settleServerArgs(configFile)]);
      await serveRsync(channel, command, this.#patience, signal);
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

/** Runs one daemon on one channel to its end. Rejects when it could not serve; `Silent` when nothing passed. */
const serveRsync = async (
  channel: Duplex,
  [command, ...args]: readonly [string, ...string[]],
  { firstWordMs, silenceMs }: SettlePatience,
  over: AbortSignal,
): Promise<void> => {
  using silence = new SilenceWatch(firstWordMs);
  const signal = AbortSignal.any([over, silence.signal]);
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
  let isHeard = false;
  const fromNode = silence.passing(() => {
    isHeard = true;
    return silenceMs;
  });
  const toNode = silence.passing(() => (isHeard ? silenceMs : undefined));
  const [code] = await Promise.all([
    exit.catch((error: Error) => {
      throw silence.signal.aborted ? silence.signal.reason : error;
    }),
    // The client hanging up first is how a settle normally ends; what counts
    // is rsync's exit status here and on the node.
    pipeline(channel, fromNode, rsync.stdin, { signal }).catch(() => undefined),
    pipeline(rsync.stdout, toNode, channel, { signal }).catch(() => undefined),
  ]);
  if (code !== 0) throw new Error(`rsync on the golden exited ${code}: ${complaint.trim()}`);
};
