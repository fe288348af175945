/** What a disk says it is, as a whole: a table, or a file system, raid or volume without one. */
import { z } from 'zod';
import { type RunOptions, run } from '../system/run.ts';

const Listed = z.object({ signatures: z.array(z.object({ type: z.string() })) });

/**
 * libblkid's names (gpt, dos, ext4, linux_raid_member …), none twice; undefined
 * where they cannot be read (a bad sector somewhere: the log says so). Reads
 * only. Errors: those of `run`.
 */
export const diskSignatures = async (
  device: string,
  options: RunOptions = {},
): Promise<string[] | undefined> => {
  // Without --all wipefs only lists.
  const { stdout, exitCode } = await run('wipefs', ['--json', device], {
    ...options,
    okExitCodes: [0, 1],
  });
  if (exitCode !== 0) return undefined;
  const { signatures } = Listed.parse(
    stdout.trim() === '' ? { signatures: [] } : JSON.parse(stdout),
  );
  return [...new Set(signatures.map(({ type }) => type))];
};
