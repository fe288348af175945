/** Flags of `npm run lab -- …`. */
import { parseArgs } from 'node:util';
import type { Firmware } from '../../demo/golden-layouts.ts';
import { NamedError } from '../../system/named-error.ts';

export const usage = `npm run lab -- [--nodes N] [--firmware bios|uefi] [--power-cut]
               [--code] [--keep] [--watch]

Clones a small real Debian to N blank emulated machines that boot from the
network, and waits until each runs from its own disk.
  --nodes N              how many machines (default 2)
  --firmware bios|uefi   how they boot (default bios)
  --power-cut            pull one machine's plug in mid-transfer; it must finish all the same
  --code                 start the machines without a ticket; they are let in by code
  --keep                 leave the machines running until Ctrl-C
  --watch                show the board and the consoles side by side (tmux)
`;

export interface LabOptions {
  nodes: number;
  firmware: Firmware;
  powerCut: boolean;
  code: boolean;
  keep: boolean;
  watch: boolean;
}

const NODES_MAX = 9;

/** Throws `Usage` for flags that do not exist or make no sense; null when help is asked for. */
export const readOptions = (argv: readonly string[]): LabOptions | null => {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        nodes: { type: 'string', default: '2' },
        firmware: { type: 'string', default: 'bios' },
        'power-cut': { type: 'boolean', default: false },
        code: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        watch: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) return null;
    const nodes = Number(values.nodes);
    const powerCut = values['power-cut'];
    if (!Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX) {
      throw new RangeError(`--nodes ${values.nodes}: give a number from 1 to ${NODES_MAX}`);
    }
    if (powerCut && nodes < 2) {
      throw new RangeError('--power-cut: the others must finish, so give --nodes 2 or more');
    }
    const { firmware, code, keep, watch } = values;
    if (powerCut && code) {
      throw new RangeError('--power-cut: who starts by --code has no way back; give one of them');
    }
    if (firmware !== 'bios' && firmware !== 'uefi') {
      throw new RangeError(`--firmware ${firmware}: give bios or uefi`);
    }
    return { nodes, firmware, powerCut, code, keep, watch };
  } catch (error) {
    throw new NamedError('Usage', error instanceof Error ? error.message : String(error));
  }
};
