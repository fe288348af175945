/** What a golden gives away: by rsync to a client with arguments of its own, and in a stream. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Blueprint } from '../../../golden/blueprint.ts';
import { SettleService } from '../../../golden/settle-service.ts';
import type { NewEvent } from '../../../protocol/events.ts';
import { run } from '../../../system/run.ts';
import { listenOn } from '../../../system/tcp-server.ts';
import { eventually } from '../../support/eventually.ts';

export class Settling implements AsyncDisposable {
  readonly events: NewEvent[] = [];
  readonly #place: string;
  readonly #service: SettleService;
  readonly #server: Server;
  readonly #over = new AbortController();
  #port = 0;
  #token = '';

  private constructor(place: string, trees: Blueprint['settleTrees']) {
    this.#place = place;
    this.#service = new SettleService(trees, (event) => this.events.push(event));
    this.#server = createServer((socket) =>
      this.#service.serve(socket, this.#token, 1, this.#over.signal),
    );
  }

  static async of({ settleTrees }: Pick<Blueprint, 'settleTrees'>): Promise<Settling> {
    const settling = new Settling(await mkdtemp(join(tmpdir(), 'ka-test-')), settleTrees);
    settling.#port = await listenOn(settling.#server, 0, '127.0.0.1', '');
    return settling;
  }

  /** Files the client has afterwards, sorted, and what was said. */
  async fetch(mount: string, ...args: string[]): Promise<{ files: string[]; text: string }> {
    const access = this.#service.admit(1);
    if (!access) throw new Error('nothing to settle');
    this.#token = access.token;
    const to = await mkdtemp(join(this.#place, 'got-'));
    const url = `rsync://${access.user}@127.0.0.1:${this.#port}/${access.modules[mount]}/`;
    const { stdout, stderr } = await run('rsync', [...args, url, `${to}/`], {
      env: { RSYNC_PASSWORD: access.secret },
      timeoutMs: 20_000,
      okExitCodes: Array.from({ length: 100 }, (_, code) => code),
    });
    const list = await run('find', [to, '-type', 'f', '-printf', '%P\\0']);
    return { files: list.stdout.split('\0').slice(0, -1).sort(), text: stdout + stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#service.dismiss(1);
    this.#over.abort();
    this.#server.close();
    // Its namespace holds the golden's file systems until then.
    await eventually('its view is closed', async () => {
      const { stdout } = await run('pgrep', ['-P', String(process.pid), '-x', 'cat'], {
        okExitCodes: [0, 1],
      });
      return stdout === '';
    });
    await rm(this.#place, { recursive: true });
  }
}

/** Names of all files in one stream, as tar lists them, sorted. */
export const filesInStream = async (
  { sources }: Pick<Blueprint, 'sources'>,
  mount: string,
): Promise<string[]> => {
  const source = sources.find(({ plan }) => plan.mount === mount);
  const chunks: Buffer[] = [];
  const memory = Buffer.alloc(1024 * 1024);
  const { signal } = new AbortController();
  await source?.open({ encoding: 'identity', signal, log: () => undefined }).pour({
    space: () => memory,
    filled: (bytes) => {
      chunks.push(Buffer.from(memory.subarray(0, bytes)));
      return null;
    },
  });
  const place = await mkdtemp(join(tmpdir(), 'ka-test-'));
  const archive = join(place, 'stream.tar');
  await writeFile(archive, Buffer.concat(chunks));
  const { stdout } = await run('tar', ['--list', '--file', archive]);
  await rm(place, { recursive: true });
  return stdout
    .split('\n')
    .filter((name) => name !== '' && !name.endsWith('/'))
    .sort();
};
