/** `npm run demo`: clones a real system on this machine and proves that the clones are equal. */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { NamedError } from '../system/named-error.ts';
import { missingAbilities } from './abilities.ts';
import { runDirectoryDemo } from './directory-demo.ts';
import { runDiskDemo } from './disk-demo.ts';
import { readOptions, usage } from './options.ts';

const EXIT_USAGE = 64;
const cacheDirectory = fileURLToPath(new URL('../.cache/demo', import.meta.url));

const say = (line: string): void => {
  process.stderr.write(`demo: ${line}\n`);
};

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(usage);
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new NamedError('Stopped', `stopped by ${name}`)));
  }
  const missing = await missingAbilities();
  if (missing.length > 0) {
    say(`no ${missing.join(', no ')}: cloning into directories on 127.0.0.x instead of disks`);
  }
  const runDemo = missing.length > 0 ? runDirectoryDemo : runDiskDemo;
  const start = Date.now();
  const results = await runDemo(options, cacheDirectory, say, stop.signal);
  const bad = results.filter(({ differences }) => differences.length > 0);
  const took = `${((Date.now() - start) / 1000).toFixed(0)} s`;
  if (bad.length === 0) say(`all ${results.length} clones verified, in ${took}`);
  else
    say(
      `${bad.length} of ${results.length} clones differ: ${bad.map(({ name }) => name).join(', ')}`,
    );
  return bad.length === 0 ? 0 : 1;
};

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof NamedError)) throw error;
  say(error.message);
  if (error.output) process.stderr.write(`${error.output}\n`);
  process.exitCode = error.code === 'Usage' ? EXIT_USAGE : 1;
}
