import process from 'node:process';
import type { Command } from 'commander';
import { findMacs } from '../images/netboot/known-nodes.ts';
import { readLabels } from '../images/netboot/labels-store.ts';
import { wake } from '../images/netboot/wake.ts';
import { stopSignal } from './stop-signal.ts';

/** `ka wake MAC…` */
export const addWakeCommand = (program: Command): void => {
  program
    .command('wake')
    .description('start sleeping machines by Wake-on-LAN')
    .argument('<node...>', 'MAC address, or name as for ka pxe default')
    .addHelpText(
      'after',
      '\nExit status: 0 called, 64 a node is unknown, or wrong use: then none is called.',
    )
    .action(async (nodes: string[]) => {
      const labels = readLabels();
      const macs = findMacs(labels, nodes);
      const interfaces = await wake(macs, stopSignal('ka wake'));
      process.stdout.write(`${macs.join(', ')}: called on ${interfaces.join(', ')}\n`);
    });
};
