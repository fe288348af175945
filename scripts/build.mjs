// Bundles our TypeScript to dist/: one entry per process. npm dependencies stay
// outside, so that a published package and a checkout run the same files.

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
  absWorkingDir: root,
  entryPoints: {
    ka: 'cli/ka.ts',
    demo: 'demo/main.ts',
    lab: 'test/lab/main.ts',
    bench: 'bench/main.ts',
    'bench-hop': 'bench/hop-process.ts',
    'bench-origin': 'bench/origin-process.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node24',
  jsx: 'automatic',
  sourcemap: true,
  logLevel: 'warning',
});

// scripts/setup.mjs compares its time with the sources'.
await writeFile(`${root}/dist/.built`, '');
