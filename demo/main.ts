/** `npm run demo`: clones a real system on this machine and proves that the clones are equal. */
import { fileURLToPath } from 'node:url';
import { missingAbilities } from './abilities.ts';
import { runDirectoryDemo } from './directory-demo.ts';
import { runDiskDemo } from './disk-demo.ts';
import { readOptions, usage } from './options.ts';
import { runProgram } from './program.ts';

const cacheDirectory = fileURLToPath(new URL('../.cache/demo', import.meta.url));

await runProgram({
  name: 'demo',
  usage,
  readOptions,
  main: async (options, { say, signal }) => {
    const missing = await missingAbilities();
    if (missing.length > 0) {
      say(`no ${missing.join(', no ')}: cloning into directories on 127.0.0.x instead of disks`);
    }
    const runDemo = missing.length > 0 ? runDirectoryDemo : runDiskDemo;
    const start = Date.now();
    const results = await runDemo(options, cacheDirectory, say, signal);
    const bad = results.filter(({ differences }) => differences.length > 0);
    const took = `${((Date.now() - start) / 1000).toFixed(0)} s`;
    const names = bad.map(({ name }) => name).join(', ');
    if (bad.length === 0) say(`all ${results.length} clones verified, in ${took}`);
    else say(`${bad.length} of ${results.length} clones differ: ${names}`);
    return bad.length === 0 ? 0 : 1;
  },
});
