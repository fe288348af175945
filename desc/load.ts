/** A description from its file, in whichever of the two languages it is. */
import { readFile } from 'node:fs/promises';
import { NamedError } from '../system/named-error.ts';
import { parseClassic } from './classic.ts';
import type { Description } from './model.ts';
import { parseYaml } from './yaml.ts';

/** YAML (and so JSON) by extension; everything else is classic. */
export const isYamlFile = (file: string): boolean => /\.(?:ya?ml|json)$/i.test(file);

/**
 * Reads a description file. `disk` is the name of the disk a classic file is
 * for (`-p sda FILE`); YAML files name theirs.
 *
 * Throws `DescError`, or `NamedError` `DescUnreadable`.
 */
export const loadDescription = async (
  file: string,
  { disk }: { disk: string },
): Promise<Description> => {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new NamedError(
      'DescUnreadable',
      `cannot read the description ${file}: ${cause.message}`,
      {
        cause,
      },
    );
  });
  if (isYamlFile(file)) return parseYaml(text, { file });
  return { disks: [parseClassic(text, { file, disk })], exclude: [], nodes: [] };
};
