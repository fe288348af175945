import process from 'node:process';
import type { Command } from 'commander';
import { tellSession } from '../golden/operator-socket.ts';

/** `ka start [SESSION]`: do not wait for the missing nodes. */
export const addStartCommand = (program: Command): void => {
  program
    .command('start')
    .description('start a waiting session on this machine with the nodes that are here')
    .argument('[session]', 'its name, when several run')
    .addHelpText('after', '\nNodes that never come still count as missing: ka golden then exits 2.')
    .action(async (session: string | undefined) => {
      const lines = await tellSession(session, { command: 'start' });
      process.stdout.write(`${lines.join('\n')}\n`);
    });
};
