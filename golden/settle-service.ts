/**
 * Lets nodes fetch by rsync what changed on the golden while it was being read.
 * No open module: a node comes through its own TLS channel with a token, then
 * names itself to rsync with a secret, both made for this session only.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GoldenMessage } from '../protocol/control.ts';
import type { NewEvent } from '../protocol/events.ts';
import { settleConfig, settleModuleName, settleServerArgs } from '../streams/settle-server.ts';

export interface SettleTree {
  /** Mount point on the node. */
  mount: string;
  /** Directory on the golden. */
  path: string;
}

export type SettleAccess = Extract<GoldenMessage, { type: 'complete' }>['settle'];

/** So many rsyncs read the golden's disk at once; the others wait their turn. */
export const MAX_CONCURRENT = 4;

const SECRET_BYTES = 18;

interface Ticket {
  node: number;
  user: string;
  secret: string;
  token: string;
}

export class SettleService {
  readonly #directory: string;
  readonly #trees: readonly SettleTree[];
  readonly #emit: (event: NewEvent) => void;
  readonly #tickets = new Map<string, Ticket>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(directory: string, trees: readonly SettleTree[], emit: (event: NewEvent) => void) {
    this.#directory = directory;
    this.#trees = trees;
    this.#emit = emit;
  }

  get #secretsFile(): string {
    return join(this.#directory, 'settle.secrets');
  }

  get #configFile(): string {
    return join(this.#directory, 'settle.conf');
  }

  /** Makes the secrets of one node. Null when there are no files to settle. */
  admit(node: number): SettleAccess {
    if (this.#trees.length === 0) return null;
    this.dismiss(node);
    const [secret, token] = [randomBytes(SECRET_BYTES), randomBytes(SECRET_BYTES)].map((bytes) =>
      bytes.toString('base64url'),
    ) as [string, string];
    const user = `node${node}`;
    this.#tickets.set(token, { node, user, secret, token });
    this.#writeFiles();
    const modules = Object.fromEntries(
      this.#trees.map(({ mount }) => [mount, settleModuleName(mount)]),
    );
    return { user, secret, token, modules };
  }

  /** Its secrets are worth nothing from now on. */
  dismiss(node: number): void {
    for (const ticket of this.#tickets.values()) {
      if (ticket.node === node) this.#tickets.delete(ticket.token);
    }
    this.#writeFiles();
  }

  /** Connects one channel of a node to an rsync of its own, when its turn comes. */
  serve(channel: Duplex, token: string, node: number | undefined, signal: AbortSignal): void {
    const ticket = this.#tickets.get(token);
    if (!ticket || ticket.node !== node) {
      channel.destroy();
      this.#warn(null, 'a settle channel without a valid token was refused');
      return;
    }
    const start = () => {
      this.#running += 1;
      this.#run(channel, signal)
        .catch((error: Error) => this.#warn(ticket.node, `settle: ${error.message}`))
        .finally(() => {
          this.#running -= 1;
          this.#queue.shift()?.();
        });
    };
    if (this.#running < MAX_CONCURRENT) start();
    else this.#queue.push(start);
  }

  async #run(channel: Duplex, signal: AbortSignal): Promise<void> {
    const rsync: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
      'rsync',
      settleServerArgs(this.#configFile),
      { stdio: ['pipe', 'pipe', 'pipe'], signal, env: { ...process.env, LC_ALL: 'C' } },
    );
    const exit = new Promise<number>((resolve, reject) => {
      rsync.once('error', reject);
      rsync.once('close', (code) => resolve(code ?? 1));
    });
    let complaint = '';
    rsync.stderr.on('data', (data: Buffer) => {
      complaint = (complaint + data.toString()).slice(-500);
    });
    const feeding = pipeline(channel, rsync.stdin, { signal });
    const answering = pipeline(rsync.stdout, channel, { signal });
    const [code] = await Promise.all([
      exit,
      // The client hanging up first is how a settle normally ends; what counts
      // is rsync's exit status here and on the node.
      feeding.catch(() => undefined),
      answering.catch(() => undefined),
    ]);
    channel.destroy();
    if (code !== 0) throw new Error(`rsync on the golden exited ${code}: ${complaint.trim()}`);
  }

  #writeFiles(): void {
    const tickets = [...this.#tickets.values()];
    const secrets = tickets.map(({ user, secret }) => `${user}:${secret}\n`).join('');
    replaceFile(this.#secretsFile, secrets);
    const config = settleConfig({
      modules: this.#trees.map(({ mount, path }) => ({ name: settleModuleName(mount), path })),
      users: tickets.map(({ user }) => user),
      secretsFile: this.#secretsFile,
    });
    replaceFile(this.#configFile, config);
  }

  #warn(node: number | null, message: string): void {
    this.#emit({ kind: 'log', node, level: 'warning', message });
  }
}

/** In one go: an rsync that starts in this moment reads the old text or the new one, never half. */
const replaceFile = (path: string, text: string): void => {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
};
