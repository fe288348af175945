import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { NamedError } from './named-error.ts';
import { privateTree } from './private-files.ts';

/**
 * Where keys, journals and node logs are kept: `KA_STATE_DIR`, else
 * /var/lib/ka for root, else ~/.local/state/ka.
 */
export const stateDirectory = (): string =>
  resolve(
    process.env.KA_STATE_DIR ??
      (process.getuid?.() === 0 ? '/var/lib/ka' : join(homedir(), '.local/state/ka')),
  );

/** Who knows a name below may go there: what is served by TFTP lies in `pxe/boot`. */
const PASSABLE = 0o711;

/** What nobody else may read, and an older ka may have left for everybody. */
const PRIVATE_TREES = ['keys', 'run', 'sessions'];

/**
 * Makes the state directory, and private what has to be. A directory that is
 * there already keeps its own mode: it may be shared with others. Throws
 * `BadStateDirectory`.
 */
export const openStateDirectory = (): void => {
  const directory = stateDirectory();
  if (directory === '/') {
    throw new NamedError('BadStateDirectory', 'KA_STATE_DIR is /; give ka a directory of its own');
  }
  mkdirSync(directory, { recursive: true, mode: PASSABLE });
  for (const name of PRIVATE_TREES) privateTree(join(directory, name));
};
