import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/**
 * Where keys, journals and node logs are kept: `KA_STATE_DIR`, else
 * /var/lib/ka for root, else ~/.local/state/ka.
 */
export const stateDirectory = (): string =>
  process.env.KA_STATE_DIR ??
  (process.getuid?.() === 0 ? '/var/lib/ka' : join(homedir(), '.local/state/ka'));
