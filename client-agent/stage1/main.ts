/** The process of a boot image: bundled to one file, started by its init. */
import process from 'node:process';
import { toFailure } from '../../protocol/failure.ts';
import { runStage1 } from './stage1.ts';

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());

try {
  await runStage1(stop.signal);
} catch (error) {
  process.stderr.write(`ka: ${toFailure(error).message}\n`);
  process.exitCode = 1;
}
