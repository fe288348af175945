/** `npm run bench`: measures ka beside other tools on this machine. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { missingAbilities } from '../demo/abilities.ts';
import { runProgram } from '../demo/program.ts';
import { NamedError } from '../system/named-error.ts';
import { chainBench } from './chain-bench.ts';
import { cloneBench } from './clone/clone-bench.ts';
import { readOptions, usage } from './options.ts';
import { printChain, printClone } from './print.ts';
import { passes } from './targets.ts';

/** Measured, but a target was missed; 1 is for what could not be measured. */
const EXIT_BELOW_TARGET = 2;

const writeRows = async (file: string | undefined, rows: readonly unknown[]): Promise<void> => {
  if (file === undefined) return;
  await mkdir(dirname(resolve(file)), { recursive: true });
  await writeFile(file, `${JSON.stringify(rows, null, 2)}\n`);
};

await runProgram({
  name: 'bench',
  usage,
  readOptions,
  main: async (options, context) => {
    const missing = await missingAbilities();
    if (missing.length > 0) {
      throw new NamedError('CannotMeasure', `no ${missing.join(', no ')}: the bench needs them`);
    }
    if (options.bench === 'clone') {
      const rows = await cloneBench({ ...context, options });
      process.stdout.write(printClone(rows));
      await writeRows(options.json, rows);
      return 0;
    }
    const { rows, verdicts } = await chainBench({ ...context, options });
    process.stdout.write(printChain(rows, verdicts));
    await writeRows(options.json, rows);
    return verdicts.every(passes) ? 0 : EXIT_BELOW_TARGET;
  },
});
