/** `npm run bench`: measures ka beside other tools on this machine. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { missingAbilities } from '../demo/abilities.ts';
import { NamedError } from '../system/named-error.ts';
import { chainBench } from './chain-bench.ts';
import { readOptions, usage } from './options.ts';
import { formatTable } from './table.ts';
import { formatVerdict, passes } from './targets.ts';

const EXIT_USAGE = 64;

const say = (line: string): void => {
  process.stderr.write(`bench: ${line}\n`);
};

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(usage);
    return 0;
  }
  const missing = await missingAbilities();
  if (missing.length > 0) {
    throw new NamedError('CannotMeasure', `no ${missing.join(', no ')}: the bench needs them`);
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new NamedError('Stopped', `stopped by ${name}`)));
  }
  const context = { say, signal: stop.signal };
  if (options.bench === 'clone') return 0;
  const { rows, verdicts } = await chainBench({ ...context, options });
  const columns = ['tool', 'nodes', 'link', 'MiB/s', 'CPU s/GiB/node', 'MiB memory'];
  const cells = rows.map((row) => [
    row.tool,
    row.nodes,
    row.link,
    row.mibPerSecond,
    row.cpuSecondsPerGiBPerNode,
    row.maxRssMiB,
  ]);
  const lines = [formatTable(columns, cells), '', ...verdicts.map(formatVerdict)];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (options.json !== undefined) {
    await mkdir(dirname(resolve(options.json)), { recursive: true });
    await writeFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
  }
  return verdicts.every(passes) ? 0 : 1;
};

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof NamedError)) throw error;
  say(error.message);
  if (error.output) process.stderr.write(`${error.output}\n`);
  process.exitCode = error.code === 'Usage' ? EXIT_USAGE : 1;
}
