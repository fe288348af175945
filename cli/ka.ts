/** Entry point of the `ka` command: puts the commands together. */
import process from 'node:process';
import { Command } from 'commander';
import { addAdmitCommands } from './admit.ts';
import { addAgentCommand } from './agent.ts';
import { addDescCommands } from './desc.ts';
import { exitUsage, fail, writeUsageError } from './exit.ts';
import { addGoldenCommand } from './golden.ts';
import { addImagesCommands } from './images.ts';
import { rewritePairs } from './pair-options.ts';
import { addPowerCommand } from './power.ts';
import { addPxeCommands } from './pxe.ts';
import { addStartCommand } from './start.ts';
import { addStatusCommand } from './status.ts';
import { version } from './version.ts';
import { addWakeCommand } from './wake.ts';

const program = new Command('ka')
  .description('Clone one golden node to a whole cluster through a chained relay.')
  .version(version)
  .showHelpAfterError('(ka COMMAND --help lists the options)')
  .configureHelp({ sortOptions: false })
  .configureOutput({ outputError: writeUsageError })
  .exitOverride()
  .addHelpText(
    'after',
    `
A session in three steps:
  golden$ ka desc from-disk sda -o desc   describe the disk, then edit the sizes
  golden$ ka golden -n 3 -p sda desc      plan, ask, wait for 3 nodes, clone
  node$   ka agent --join STRING          on each node; STRING is on the board`,
  );

addGoldenCommand(program);
addAgentCommand(program);
addStartCommand(program);
addAdmitCommands(program);
addStatusCommand(program);
addDescCommands(program);
addImagesCommands(program);
addPxeCommands(program);
addWakeCommand(program);
addPowerCommand(program);

try {
  await program.parseAsync(rewritePairs(process.argv));
} catch (error) {
  process.exitCode = exitUsage(error) ?? fail(error);
}
