/** Which commands this machine has, found as `run` finds them. */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

const isInstalled = async (tool: string): Promise<boolean> => {
  const directories = (process.env.PATH ?? '').split(':');
  const found = await Promise.all(
    directories.map((directory) =>
      access(join(directory, tool), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
};

/** Those of the commands that are not installed, in their order. */
export const missingTools = async (tools: readonly string[]): Promise<string[]> => {
  const missing: string[] = [];
  for (const tool of tools) if (!(await isInstalled(tool))) missing.push(tool);
  return missing;
};
