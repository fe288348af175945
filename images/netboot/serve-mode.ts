/** Whether `ka pxe serve` gives addresses itself, and which. */
import { toFailure } from '../../protocol/failure.ts';
import type { Ipv4Interface } from '../../system/interfaces.ts';
import { NamedError } from '../../system/named-error.ts';
import { findDhcpServer } from './dhcp-probe.ts';
import { type AddressRange, checkRange, defaultRange } from './network.ts';
import type { ServeOptions } from './serve-options.ts';
import type { Serving } from './serving.ts';

/** Asks the network for its DHCP server. Where the mode was named, not being able to ask is no obstacle. */
const lookForDhcp = async (
  { mode, say, signal }: ServeOptions,
  network: Ipv4Interface,
): Promise<string | undefined> => {
  try {
    return await findDhcpServer(network, signal);
  } catch (error) {
    if (mode === 'auto' || signal.aborted) throw error;
    say(`trouble: ${toFailure(error).message}`);
    return undefined;
  }
};

/**
 * Which mode, after asking the network who gives addresses there. Throws `BadRange`,
 * `NeedRange`, and `OtherDhcpServer` when somebody does and we were to.
 */
export const chooseMode = async (
  options: ServeOptions,
  network: Ipv4Interface,
): Promise<{ mode: Serving['mode']; range: AddressRange | undefined }> => {
  const { mode, range, say } = options;
  if (range) checkRange(network, range);
  if (mode === 'proxy' && range) {
    const message = '--range is for the mode that gives addresses; leave it out with --mode proxy';
    throw new NamedError('BadRange', message);
  }
  const server = await lookForDhcp(options, network);
  if (server !== undefined && mode === 'dhcp') {
    const message = `a DHCP server (${server}) gives addresses on ${network.name} already; use --mode proxy`;
    throw new NamedError('OtherDhcpServer', message);
  }
  if (server !== undefined) {
    if (range) say(`--range has no effect: the DHCP server ${server} gives the addresses`);
    else say(`a DHCP server (${server}) gives the addresses`);
    return { mode: 'proxy', range: undefined };
  }
  if (mode === 'proxy') {
    say(`no DHCP server answers on ${network.name}; machines will wait until one does`);
    return { mode, range: undefined };
  }
  return { mode: 'dhcp', range: range ?? defaultRange(network) };
};
