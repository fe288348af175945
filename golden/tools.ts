/** Tools the golden itself needs; missing ones are named before a session opens. */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { NamedError } from '../system/named-error.ts';
import type { StreamSource } from './stream-source.ts';

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

/** Throws `ToolMissing` naming every tool the golden lacks for these streams. */
export const requireTools = async (
  sources: readonly StreamSource[],
  signal: AbortSignal,
): Promise<void> => {
  signal.throwIfAborted();
  const kinds = new Set(sources.map(({ plan }) => plan.kind));
  const needed = [
    'openssl',
    'zstd',
    ...(kinds.has('files') ? ['tar', 'rsync'] : []),
    ...(kinds.has('raw') ? ['dd'] : []),
  ];
  const missing: string[] = [];
  for (const tool of needed) if (!(await isInstalled(tool))) missing.push(tool);
  if (missing.length > 0) {
    throw new NamedError(
      'ToolMissing',
      `the golden lacks ${missing.join(', ')}; install ${missing.length > 1 ? 'them' : 'it'}, then start again`,
    );
  }
};
