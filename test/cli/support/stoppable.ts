/** Runs a command that takes long until it is stopped, and says how that went. */
import process from 'node:process';
import { stopSignal } from '../../../cli/stop-signal.ts';
import { run } from '../../../system/run.ts';

const signal = stopSignal('this');
const sleeping = run('sleep', ['15'], { signal });
process.stdout.write('running\n');
await sleeping.catch(({ message }) => process.stdout.write(`${message}\n`));
process.stdout.write(`${signal.reason.message}\n`);
