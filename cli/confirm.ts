import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { NamedError } from '../system/named-error.ts';

/**
 * Asks before disks are erased. Throws `NotConfirmed` where nobody can answer;
 * false when the answer is not "yes".
 */
export const confirm = async (nodes: number, signal: AbortSignal): Promise<boolean> => {
  if (!process.stdin.isTTY) {
    throw new NamedError(
      'NotConfirmed',
      'nobody is there to confirm the plan; run it on a terminal or add --yes',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const who = nodes === 1 ? 'one node' : `${nodes} nodes`;
    const question = `Everything on these disks of ${who} will be erased. Type yes to go on: `;
    const answer = await terminal.question(question, { signal });
    if (answer.trim().toLowerCase() === 'yes') return true;
    process.stdout.write('Nothing was done.\n');
    return false;
  } finally {
    terminal.close();
  }
};
