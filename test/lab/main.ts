/** `npm run lab`: whole machines, from power-on to their own disks. */
import process from 'node:process';
import { missingAbilities } from '../../demo/abilities.ts';
import { NamedError } from '../../system/named-error.ts';
import { runLab } from './lab-run.ts';
import { readOptions, usage } from './options.ts';

const EXIT_USAGE = 64;

const say = (line: string): void => {
  process.stdout.write(`lab: ${line}\n`);
};

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(usage);
    return 0;
  }
  const missing = await missingAbilities();
  if (missing.length > 0) throw new NamedError('Unable', `the lab needs ${missing.join(' and ')}`);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new NamedError('Stopped', `stopped by ${name}`)));
  }
  return (await runLab(options, say, stop.signal)) ? 0 : 1;
};

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof NamedError)) throw error;
  process.stderr.write(`lab: ${error.message}\n`);
  if (error.output) process.stderr.write(`${error.output}\n`);
  process.exitCode = error.code === 'Usage' ? EXIT_USAGE : 1;
}
