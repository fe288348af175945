import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type SettleAccess, SettleService } from '../../golden/settle-service.ts';
import { run } from '../../system/run.ts';

let directory: string;
let service: SettleService;
let server: Server;
let token: string;
/** Whose key the channel was proved with. */
let node: number | undefined;
let over: AbortController;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ka-settle-'));
  mkdirSync(join(directory, 'tree'));
  writeFileSync(join(directory, 'tree', 'file'), 'settled');
  over = new AbortController();
  node = 1;
  service = new SettleService(
    [{ mount: '/', path: join(directory, 'tree'), excluded: [] }],
    () => undefined,
  );
  server = createServer((socket) => service.serve(socket, token, node, over.signal));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  over.abort();
  server.close();
  rmSync(directory, { recursive: true });
});

const fetchWith = ({ user, secret, modules }: NonNullable<SettleAccess>) => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const url = `rsync://${user}@127.0.0.1:${port}/${modules['/']}/file`;
  return run('rsync', ['--archive', url, join(directory, 'copy')], {
    env: { RSYNC_PASSWORD: secret },
    timeoutMs: 20_000,
  });
};

const admitted = (node: number): NonNullable<SettleAccess> => {
  const access = service.admit(node);
  if (!access) throw new Error('nothing to settle');
  return access;
};

describe('settling', () => {
  test('a node gets in with its token and secret while others come and go', async () => {
    const access = admitted(1);
    token = access.token;
    const comeAndGo = setInterval(() => {
      service.admit(2);
      service.dismiss(2);
    }, 1);
    try {
      for (let round = 0; round < 10; round += 1) {
        expect((await fetchWith(access)).exitCode).toBe(0);
      }
    } finally {
      clearInterval(comeAndGo);
    }
  });

  test('a wrong secret, a wrong token and a dismissed node get nothing', async () => {
    const access = admitted(1);
    token = access.token;
    await expect(fetchWith({ ...access, secret: 'guess' })).rejects.toMatchObject({
      code: 'CommandFailed',
    });
    token = 'guess';
    await expect(fetchWith(access)).rejects.toMatchObject({ code: 'CommandFailed' });
    token = access.token;
    service.dismiss(1);
    await expect(fetchWith(access)).rejects.toMatchObject({ code: 'CommandFailed' });
  });

  test('a token and a secret are worth nothing to another node', async () => {
    const access = admitted(1);
    admitted(2);
    token = access.token;
    for (const other of [2, undefined]) {
      node = other;
      await expect(fetchWith(access)).rejects.toMatchObject({ code: 'CommandFailed' });
    }
    node = 1;
    expect((await fetchWith(access)).exitCode).toBe(0);
  });
});
