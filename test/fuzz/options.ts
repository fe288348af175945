/** Flags of `npm run fuzz -- …`. */
import { parseArgs } from 'node:util';
import { NamedError } from '../../system/named-error.ts';

export const usage = `npm run fuzz -- [--target NAME] [--cases N] [--seed S]

Says hostile things to all parsers and pure state, and to a golden and an agent
that run, until something does not hold. Stopped by Ctrl-C it goes on where it
was when it is started again.
  --target NAME   only this one; may be repeated (see --list)
  --cases N       cases of parsers (default 10000000); living ones get a hundredth
  --seed S        other cases (default 1)
  --list          names of the targets, and nothing else
`;

export interface FuzzOptions {
  targets: readonly string[];
  cases: number;
  seed: number;
  list: boolean;
}

const MOST_CASES = 1e12;
const MOST_SEED = 2 ** 31 - 1;

const numberOf = (flag: string, text: string, most: number): number => {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= most) return number;
  throw new RangeError(`${flag} ${text}: give a number from 1 to ${most}`);
};

/** Throws `Usage` for flags that do not exist or make no sense; null when help is asked for. */
export const readOptions = (argv: readonly string[]): FuzzOptions | null => {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        target: { type: 'string', multiple: true, default: [] },
        cases: { type: 'string', default: '10000000' },
        seed: { type: 'string', default: '1' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) return null;
    return {
      targets: values.target,
      cases: numberOf('--cases', values.cases, MOST_CASES),
      seed: numberOf('--seed', values.seed, MOST_SEED),
      list: values.list,
    };
  } catch (error) {
    throw new NamedError('Usage', error instanceof Error ? error.message : String(error));
  }
};
