/** Tools the golden itself needs; missing ones are named before a session opens. */
import { NamedError } from '../system/named-error.ts';
import { missingTools } from '../system/tools.ts';
import type { StreamSource } from './stream-source.ts';

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
  const missing = await missingTools(needed);
  if (missing.length > 0) {
    throw new NamedError(
      'ToolMissing',
      `the golden lacks ${missing.join(', ')}; install ${missing.length > 1 ? 'them' : 'it'}, then start again`,
    );
  }
};
