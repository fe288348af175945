/** Flags of `npm run demo -- …`. */
import { parseArgs } from 'node:util';
import { NamedError } from '../system/named-error.ts';

export const usage = `npm run demo -- [--nodes N] [--golden IMG_OR_DIR] [--keep DIR] [--ui board|plain|json]

Clones a small real Debian to N nodes on this machine, then compares.
  --nodes N            how many nodes (default 3)
  --golden IMG_OR_DIR  clone this disk image (raw, its system as its fstab says) or
                       directory instead
  --keep DIR           leave golden.img, node1.img … and report.json there
  --ui MODE            how progress looks (default: board on a terminal, else plain)
`;

export interface DemoOptions {
  nodes: number;
  golden: string | undefined;
  keep: string | undefined;
  ui: string | undefined;
}

/** Throws `Usage` for flags that do not exist or make no sense; null when help is asked for. */
export const readOptions = (argv: readonly string[]): DemoOptions | null => {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        nodes: { type: 'string', default: '3' },
        golden: { type: 'string' },
        keep: { type: 'string' },
        ui: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) return null;
    const nodes = Number(values.nodes);
    if (!Number.isInteger(nodes) || nodes < 1 || nodes > 200) {
      throw new RangeError(`--nodes ${values.nodes}: give a number from 1 to 200`);
    }
    if (values.ui !== undefined && !['board', 'plain', 'json'].includes(values.ui)) {
      throw new RangeError(`--ui ${values.ui}: give board, plain or json`);
    }
    return { nodes, golden: values.golden, keep: values.keep, ui: values.ui };
  } catch (error) {
    throw new NamedError('Usage', error instanceof Error ? error.message : String(error));
  }
};
