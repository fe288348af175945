/** Names an admin may use for machines: those of sessions, and /etc/ethers. */
import { readFileSync } from 'node:fs';
import { NamedError } from '../../system/named-error.ts';
import type { Labels } from './labels.ts';
import { macOf } from './mac.ts';

const ETHERS = '/etc/ethers';

/** ethers(5): a MAC address and a name (or an address) in each line. */
export const parseEthers = (text: string): Map<string, string> => {
  const names = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [address = '', name] = line.replace(/#.*/, '').trim().split(/\s+/);
    // Leading zeros may be left out there.
    const mac = macOf(address.replaceAll(/\b[0-9a-f]\b/gi, '0$&'));
    if (mac !== undefined && name !== undefined) names.set(name, mac);
  }
  return names;
};

const ethers = (): Map<string, string> => {
  try {
    return parseEthers(readFileSync(ETHERS, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
};

/** MAC addresses of machines, each given by MAC address or name. Throws `UnknownNode`. */
export const findMacs = (labels: Pick<Labels, 'names'>, nodes: readonly string[]): string[] =>
  nodes.flatMap((node) => macsOf(labels, node));

const macsOf = (labels: Pick<Labels, 'names'>, node: string): string[] => {
  const mac = macOf(node);
  if (mac !== undefined) return [mac];
  const known = labels.names[node];
  if (known !== undefined) return known;
  const listed = ethers().get(node);
  if (listed !== undefined) return [listed];
  throw new NamedError(
    'UnknownNode',
    `"${node}" is no MAC address, and neither a session with --pxe nor ${ETHERS} knows the name; give its MAC address, as 52:54:00:12:34:56`,
  );
};
