/** Looks for programs before they are called. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const isInstalled = async (tool: string): Promise<boolean> => {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const found = await access(join(directory, tool), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
};

/** Those of `tools` that are in no directory of PATH. */
export const missingTools = async (tools: readonly string[]): Promise<string[]> => {
  const missing: string[] = [];
  for (const tool of tools) if (!(await isInstalled(tool))) missing.push(tool);
  return missing;
};
