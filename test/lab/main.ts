/** `npm run lab`: whole machines, from power-on to their own disks. */
import { missingAbilities } from '../../demo/abilities.ts';
import { runProgram } from '../../demo/program.ts';
import { NamedError } from '../../system/named-error.ts';
import { runLab } from './lab-run.ts';
import { readOptions, usage } from './options.ts';

await runProgram({
  name: 'lab',
  usage,
  readOptions,
  main: async (options, { say, signal }) => {
    const missing = await missingAbilities();
    if (missing.length > 0) {
      throw new NamedError('Unable', `the lab needs ${missing.join(' and ')}`);
    }
    return (await runLab(options, say, signal)) ? 0 : 1;
  },
});
