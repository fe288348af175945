/** What a DHCP server that is there already needs to send machines to ours, in its own language. */
import { baseUrl } from './boot-files.ts';
import { BIOS_LOADER, UEFI_LOADER } from './boot-loaders.ts';
import { WHO_ASKS } from './dnsmasq-config.ts';
import { Ipv4, plain } from './plain-values.ts';

export const DHCP_SERVERS = ['dnsmasq', 'isc-dhcp', 'kea'] as const;
export type DhcpServer = (typeof DHCP_SERVERS)[number];

export interface Target {
  /** IPv4 address of the machine where `ka pxe serve` runs. */
  address: string;
  /** Of its HTTP server. */
  port: number;
}

const NOTE = 'Network boot by ka. The machine where "ka pxe serve" runs:';

const forDnsmasq = ({ address }: Target, base: string): string => `# ${NOTE} ${address}
${WHO_ASKS}
dhcp-boot=tag:ipxe,${base}boot.ipxe,,${address}
dhcp-boot=tag:bios,tag:!ipxe,${BIOS_LOADER},,${address}
dhcp-option-force=tag:bios,tag:!ipxe,210,${base}
dhcp-boot=tag:uefi,tag:!ipxe,${UEFI_LOADER},,${address}
dhcp-boot=tag:http,tag:!ipxe,${base}${UEFI_LOADER},,${address}
dhcp-option-force=tag:http,tag:!ipxe,60,HTTPClient
`;

/** Option 210 is not asked for by most BIOSes, so it is put on the list of what they asked for. */
const forIscDhcp = ({ address }: Target, base: string): string => `# ${NOTE} ${address}
# At the top of dhcpd.conf, outside of "subnet".
option ka-firmware code 93 = unsigned integer 16;
option ka-ipxe code 175 = string;
option ka-path-prefix code 210 = text;

class "ka network boot" {
  match if substring(option vendor-class-identifier, 0, 9) = "PXEClient"
        or substring(option vendor-class-identifier, 0, 10) = "HTTPClient";
  next-server ${address};
  if option user-class = "iPXE" or substring(option user-class, 1, 4) = "iPXE" or exists ka-ipxe {
    filename "${base}boot.ipxe";
  } elsif option ka-firmware = 00:00 {
    filename "${BIOS_LOADER}";
    option ka-path-prefix "${base}";
    option dhcp-parameter-request-list = concat(option dhcp-parameter-request-list, d2);
  } elsif option ka-firmware = 00:07 or option ka-firmware = 00:09 {
    filename "${UEFI_LOADER}";
  } elsif option ka-firmware = 00:10 {
    option vendor-class-identifier "HTTPClient";
    filename "${base}${UEFI_LOADER}";
  }
}
`;

const KEA_IPXE =
  "option[77].hex == 'iPXE' or substring(option[77].hex,1,4) == 'iPXE' or option[175].exists";

/** Classes are tried in order; the first one of a packet that has a file gives it. */
const forKea = ({ address }: Target, base: string): string => {
  const without = `not member('ka-ipxe')`;
  const prefix = { name: 'ka-path-prefix', data: base, 'always-send': true };
  const classes = [
    { name: 'ka-ipxe', test: KEA_IPXE, 'boot-file-name': `${base}boot.ipxe` },
    {
      name: 'ka-bios',
      test: `option[93].hex == 0x0000 and ${without}`,
      'boot-file-name': BIOS_LOADER,
      'option-data': [prefix],
    },
    {
      name: 'ka-uefi',
      test: `(option[93].hex == 0x0007 or option[93].hex == 0x0009) and ${without}`,
      'boot-file-name': UEFI_LOADER,
    },
    {
      name: 'ka-http',
      test: `option[93].hex == 0x0010 and ${without}`,
      'boot-file-name': `${base}${UEFI_LOADER}`,
      'option-data': [{ name: 'vendor-class-identifier', data: 'HTTPClient', 'always-send': true }],
    },
  ].map((entry) => ({ ...entry, 'next-server': address }));
  const definition = { name: 'ka-path-prefix', code: 210, type: 'string', space: 'dhcp4' };
  const text = JSON.stringify(
    { Dhcp4: { 'option-def': [definition], 'client-classes': classes } },
    null,
    2,
  );
  return `// ${NOTE} ${address}
// Add both lists to "Dhcp4" of kea-dhcp4.conf.
${text}
`;
};

/** Settings to add to this server's own, with what is needed to know where. Throws `NotPlain`. */
export const dhcpAdvice = (server: DhcpServer, { address, port }: Target): string => {
  const target = { address: plain(Ipv4, address, 'address'), port };
  const base = baseUrl(target);
  const writers = { dnsmasq: forDnsmasq, 'isc-dhcp': forIscDhcp, kea: forKea };
  return writers[server](target, base);
};
