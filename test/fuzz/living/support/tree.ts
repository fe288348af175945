/** All files below a directory that a fuzzed part may, and may not, write to. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Paths of everything below `directory`, sorted; directories end with a slash. */
export const treeOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = relative(directory, join(entry.parentPath, entry.name));
      return entry.isDirectory() ? `${path}/` : path;
    })
    .sort();
