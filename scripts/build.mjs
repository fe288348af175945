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
    fuzz: 'test/fuzz/main.ts',
    'bench-hop': 'bench/hop-process.ts',
    'bench-origin': 'bench/origin-process.ts',
    'digest-worker': 'relay/digest-worker.ts',
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

// Of the agent of a boot image each thread is one file: there is no node_modules beside it.
await build({
  absWorkingDir: root,
  entryPoints: {
    stage1: 'client-agent/stage1/main.ts',
    'digest-worker': 'relay/digest-worker.ts',
  },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  // Some of our dependencies are CommonJS and ask for Node's modules by require().
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

// scripts/setup.mjs compares its time with the sources'.
await writeFile(`${root}/dist/.built`, '');
