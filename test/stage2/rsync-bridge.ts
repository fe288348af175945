/** rsync's daemon behind a TCP port: what the golden's TLS channel is in a session. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { SettleSource } from '../../stage2/step.ts';
import { settleConfig, settleModuleName, settleServerArgs } from '../../streams/settle-server.ts';

export interface Bridge extends AsyncDisposable, SettleSource {
  port: number;
}

/** Serves `trees` (mount point → directory) to user "node1" with password "right". */
export const openBridge = async (
  directory: string,
  trees: Record<string, string>,
): Promise<Bridge> => {
  const secretsFile = join(directory, 'secrets');
  const configFile = join(directory, 'rsyncd.conf');
  await writeFile(secretsFile, 'node1:right\n', { mode: 0o600 });
  const hiddenFile = join(directory, 'hidden');
  await writeFile(hiddenFile, '');
  const modules = Object.entries(trees).map(([mount, path]) => ({
    name: settleModuleName(mount),
    path,
    hiddenFile,
  }));
  await writeFile(configFile, settleConfig({ modules, user: 'node1', secretsFile }));
  const server = createServer((socket) => {
    const rsync = spawn('rsync', settleServerArgs(configFile), {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    socket.pipe(rsync.stdin);
    rsync.stdout.pipe(socket);
    rsync.stdin.on('error', () => socket.destroy());
    socket.on('error', () => rsync.kill());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    port,
    password: 'right',
    url: (mount) => `rsync://node1@127.0.0.1:${port}/${settleModuleName(mount)}`,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
