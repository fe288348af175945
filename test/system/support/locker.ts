/**
 * Uses a lock as a process of its own: `node locker.ts FILE count COUNTER TIMES`
 * adds to a number in a file, `node locker.ts FILE hold` never lets go. Prints
 * "has it" when it has the lock for the first time, and errors in one line.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { withLock } from '../../../system/lock.ts';

const [path = '', what, counter = '', times = '1'] = process.argv.slice(2);

const hold = (): void => {
  process.stdout.write('has it\n');
  // Synchronous, as work under a lock is.
  while (what === 'hold') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
};

try {
  if (what === 'hold') withLock(path, hold);
  for (let round = 0; what === 'count' && round < Number(times); round += 1) {
    withLock(path, () => writeFileSync(counter, `${Number(readFileSync(counter, 'utf8')) + 1}`));
  }
} catch (error) {
  const { name, message } = error as Error;
  process.stdout.write(`${name}: ${message}\n`);
  process.exitCode = 1;
}
