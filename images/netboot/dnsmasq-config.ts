/** The configuration of our dnsmasq, to be read by people as well. */
import { z } from 'zod';
import { toNumber } from '../../system/interfaces.ts';
import { Port } from '../../system/names.ts';
import { baseUrl } from './boot-files.ts';
import { BIOS_LOADER, UEFI_LOADER } from './boot-loaders.ts';
import { type AddressRange, networkAddress } from './network.ts';
import { bootDirectory, leaseFile, siteDirectory } from './paths.ts';
import { InterfaceName, Ipv4, PlainPath, plain } from './plain-values.ts';

const DnsmasqOptions = z.object({
  network: z.object({ name: InterfaceName, address: Ipv4, netmask: Ipv4 }),
  /** Of the HTTP server. */
  port: Port,
  /** Addresses to give; undefined = beside another DHCP server, which gives them. */
  range: z.object({ from: Ipv4, to: Ipv4 }).or(z.undefined()),
  /** Whether the range is a guess, in which other machines may have addresses already. */
  guessed: z.boolean(),
});
export type DnsmasqOptions = z.infer<typeof DnsmasqOptions>;

const path = (of: string): string => plain(PlainPath, of, 'the state directory (KA_STATE_DIR)');

const GUESSED =
  '# Each address is tried by ping first, three seconds in which nobody else is heard.';
const NAMED = `# These addresses are ours alone, so none is tried by ping first: while many machines
# start at once nobody waits for that.
no-ping`;

const dhcpLines = (
  { network, guessed }: DnsmasqOptions,
  { from, to }: AddressRange,
): string => `# We give the addresses.
dhcp-range=${from},${to},${network.netmask},12h
dhcp-lease-max=${toNumber(to) - toNumber(from) + 1}
${guessed ? GUESSED : NAMED}
# iPXE need not wait for a second server that knows about booting.
dhcp-option=tag:ipxe,encap:175,176,1b`;

/**
 * A firmware that is pointed to a second server asks that one for the file in
 * the way PXE has for it, so the UEFI loader is a "service" here. Others take
 * the file from the first answer.
 */
const proxyLines = ({ network }: DnsmasqOptions): string => `# Another server gives the addresses.
dhcp-range=${networkAddress(network)},proxy,${network.netmask}
pxe-service=tag:!script,7,"ka",${UEFI_LOADER}
pxe-service=tag:!script,9,"ka",${UEFI_LOADER}`;

/** Tags for what a machine's firmware is, and whether it speaks iPXE already. */
export const WHO_ASKS = `dhcp-match=set:bios,option:client-arch,0
dhcp-match=set:uefi,option:client-arch,7
dhcp-match=set:uefi,option:client-arch,9
dhcp-match=set:http,option:client-arch,16
dhcp-userclass=set:ipxe,iPXE
dhcp-match=set:ipxe,175`;

/**
 * Text of dnsmasq.conf. Tags: `bios`, `uefi` and `http` say what a machine's
 * firmware is, `ipxe` that it speaks iPXE already, `plain` (set by a site) that
 * its iPXE is not to be used, `script` what follows from those. Throws `NotPlain`
 * for a value that could be taken for more than itself.
 */
export const dnsmasqConfig = (wanted: DnsmasqOptions): string => {
  const options = plain(DnsmasqOptions, wanted, 'setting');
  const { network, port, range } = options;
  const base = baseUrl({ address: network.address, port });
  return `# Made by "ka pxe serve"; changes here are lost.
# Your own settings: ${path(siteDirectory())}/NAME.conf, read after these.

# DHCP and TFTP on one network, no DNS.
port=0
interface=${network.name}
except-interface=lo
bind-interfaces
# It is started as a user without rights, and ends with "ka pxe serve": no change of
# user, no file with its process number.
pid-file
dhcp-leasefile=${path(leaseFile())}
log-dhcp

enable-tftp
tftp-root=${path(bootDirectory())}
tftp-max=500

# What asks: option 93 says the firmware (RFC 4578), user class or option 175 an iPXE.
${WHO_ASKS}
# An iPXE gets our script. On a BIOS a site can have its iPXE passed over:
#   dhcp-host=52:54:00:12:34:56,set:plain
tag-if=set:script,tag:ipxe,tag:!plain
tag-if=set:script,tag:ipxe,tag:!bios

# What it boots. With the server named: beside another DHCP server iPXE wants it.
dhcp-boot=tag:script,${base}boot.ipxe,,${network.address}
dhcp-boot=tag:bios,tag:!script,${BIOS_LOADER},,${network.address}
dhcp-option-force=tag:bios,tag:!script,210,${base}
dhcp-boot=tag:uefi,tag:!script,${UEFI_LOADER},,${network.address}
dhcp-boot=tag:http,tag:!script,${base}${UEFI_LOADER},,${network.address}
dhcp-option-force=tag:http,tag:!script,60,HTTPClient

${range ? dhcpLines(options, range) : proxyLines(options)}

conf-dir=${path(siteDirectory())}/,*.conf
`;
};
