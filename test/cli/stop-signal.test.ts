import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';

const stoppable = fileURLToPath(new URL('./support/stoppable.ts', import.meta.url));

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s while a command runs: the command is stopped, and the rest is done in order',
  async (name) => {
    const child = execa(process.execPath, [stoppable], { reject: false });
    await once(child.stdout, 'data');
    child.kill(name);
    const { stdout, exitCode } = await child;
    expect(stdout.split('\n').slice(-2)).toEqual([
      'sleep was stopped',
      `this was stopped by ${name}`,
    ]);
    expect(exitCode).toBe(0);
  },
  20_000,
);
