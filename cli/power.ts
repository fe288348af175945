import process from 'node:process';
import { Argument, type Command } from 'commander';
import { loadDescription } from '../desc/load.ts';
import { POWER_ACTIONS, type PowerAction, switchPower } from '../images/netboot/power.ts';
import { printError, told } from './exit.ts';
import { stopSignal } from './stop-signal.ts';

/** Exit codes as those of a session: all, some, none. */
const exitCode = (results: readonly { ok: boolean }[]): number => {
  if (results.every(({ ok }) => ok)) return 0;
  return results.some(({ ok }) => ok) ? 2 : 1;
};

/** `ka power on|off|cycle|status NODE… -p FILE.yaml` */
export const addPowerCommand = (program: Command): void => {
  program
    .command('power')
    .description('switch machines on and off by their power commands')
    .addArgument(new Argument('<action>', 'what to do').choices(POWER_ACTIONS))
    .argument('<node...>', 'names in the node list')
    .requiredOption('-p, --description <file>', 'YAML file whose nodes have "power"')
    .addHelpText(
      'after',
      '\nExit status: 0 all nodes, 2 some, 1 none; 64 a node is unknown or has no power\ncommand, or wrong use: then none is switched.',
    )
    .action(
      told(async (action: PowerAction, nodes: string[], flags: { description: string }) => {
        const file = flags.description;
        const description = await loadDescription(file, { disk: 'sda' });
        const results = await switchPower(
          description,
          { nodes, action, file },
          stopSignal('ka power'),
        );
        for (const { node, ok, message } of results) {
          if (ok) process.stdout.write(`${node}: ${message}\n`);
          else printError(`${node}: ${message}`);
        }
        process.exitCode = exitCode(results);
      }),
    );
};
