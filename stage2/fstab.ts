/** Step: point fstab and all boot references at the node's own partitions. */

import { readInside, writeInside } from '../system/inside.ts';
import { rewriteBootFiles } from './boot-references.ts';
import { rewriteFstab } from './fstab-text.ts';
import { nodeReferences, REFERENCE_TOOLS } from './node-references.ts';
import { finished, type Step, skipped } from './step.ts';
import { hasSystem, NO_SYSTEM } from './system-root.ts';

export const fstabStep: Step = {
  name: 'fstab',
  timeoutMs: 2 * 60 * 1000,
  tools: () => REFERENCE_TOOLS,
  run: async (context) => {
    const { plan, target, log } = context;
    if (!(await hasSystem(context))) return skipped(NO_SYSTEM);
    const references = await nodeReferences(plan, context);
    const { text, changes } = rewriteFstab(
      (await readInside(target, '/etc/fstab')) ?? '',
      references,
    );
    await writeInside(target, '/etc/fstab', text);
    for (const change of changes) log(`/etc/fstab: ${change}`);
    const files = await rewriteBootFiles(target, references);
    for (const file of files) log(`${file}: references replaced`);
    return finished(
      `fstab: ${changes.length} lines; ${files.length > 0 ? files.join(', ') : 'no boot file named the golden'}`,
    );
  },
};
