/** Text of others that is read: kernel lines, tables of mounts, logs, options, names. */
import fc from 'fast-check';
import { duration, hostAndPort, wholeNumber } from '../../../cli/parse.ts';
import { parseStatusTarget } from '../../../client-agent/status-reader.ts';
import { isCleanPath } from '../../../desc/clean-path.ts';
import { mountLookup, parseFstab, parseMountinfo } from '../../../desc/mounts.ts';
import { parseAddition } from '../../../images/base-root.ts';
import { serverOf } from '../../../images/netboot/dhcp-probe.ts';
import { bootOfferReader } from '../../../images/netboot/dnsmasq-log.ts';
import { isIpv4 } from '../../../images/netboot/ipv4.ts';
import { parseEthers } from '../../../images/netboot/known-nodes.ts';
import { macOf } from '../../../images/netboot/mac.ts';
import { checkRange } from '../../../images/netboot/network.ts';
import { splitWords } from '../../../images/netboot/split-words.ts';
import { formatBootArguments, parseBootArguments } from '../../../protocol/boot-arguments.ts';
import { addEntryTo, parseBootMenu, staleEntries } from '../../../stage2/boot-menu.ts';
import { boundedLines } from '../../../system/bounded-lines.ts';
import { HostName, IpAddress, Mac, Port, SessionName } from '../../../system/names.ts';
import { plainAddress } from '../../../system/plain-address.ts';
import { isPrintable, printable } from '../../../system/printable.ts';
import { codeOf, commitmentOf } from '../../../trust/code.ts';
import { formatJoinString, parseJoinString } from '../../../trust/join-string.ts';
import { Pin } from '../../../trust/pin.ts';
import { Secret } from '../../../trust/secret.ts';
import { bytesLike, like, text } from '../hostile.ts';
import { mustBe, mustBeShown, orRefused, parser, same } from '../target.ts';

const SECRET = 'abcdefghijklmnopqrstuvwxyz';
const JOIN = `10.0.0.1:1234/${SECRET}/${SECRET}`;

const isAddress = (host: string): boolean =>
  HostName.safeParse(host).success || IpAddress.safeParse(host).success;

const MOUNTINFO = `22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
31 28 0:44 /@home /home rw,relatime shared:9 - btrfs /dev/sdb2 rw,subvolid=257,subvol=/@home
40 28 8:1 /srv/a\\040b /mnt/x\\011y rw - ext4 /dev/sda1 rw
41 40 8:1 / /mnt/x\\011y rw - ext4 /dev/sda1 rw
`;

const FSTAB = `# comment
UUID=aaaaaaaa-0000-4000-8000-000000000001 / ext4 errors=remount-ro 0 1
LABEL="my\\040label" /home btrfs subvol=@home,noatime 0 0
/dev/sda3 none swap sw 0 0
server:/export /mnt/nfs nfs4 _netdev,noauto 0 0
tmpfs /tmp tmpfs defaults
`;

const EFI = `BootCurrent: 0001
Timeout: 3 seconds
BootOrder: 0003,0001,0002
Boot0001* debian\tHD(1,GPT,9f3c1111-2222-4333-8444-555555555555,0x800,0x32000)/File(\\EFI\\debian\\shimx64.efi)
Boot0002  old\tHD(1,MBR,0x1234abcd,0x800,0x32000)/File(\\x.efi)
Boot0003* UEFI PXEv4\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,0)/IPv4(0.0.0.0,0,0)
`;

const DNSMASQ = `dnsmasq-dhcp[1234]: 3305414321 available DHCP range: 10.0.0.10 -- 10.0.0.20
dnsmasq-dhcp[1234]: 3305414321 tags: bios, ipxe, script, eth0
dnsmasq-dhcp[1234]: 3305414321 DHCPACK(eth0) 10.0.0.12 52:54:00:12:34:56 node1
dnsmasq-dhcp[1234]: 77 PXE(eth0) 52:54:00:12:34:57 proxy
dnsmasq-dhcp[1234]: 77 tags: uefi, eth0
`;

/** An answer of a DHCP server: RFC 2131. */
const DHCP = (() => {
  const packet = Buffer.alloc(300);
  packet.set([2, 1, 6], 0);
  packet.set([99, 130, 83, 99, 53, 1, 2, 0, 54, 4, 10, 0, 0, 1, 255], 236);
  return packet;
})();

const network = {
  name: 'eth0',
  address: '10.0.0.1',
  netmask: '255.255.255.0',
  broadcast: '10.0.0.255',
  mac: '',
};

/** What commander's parsers refuse with has a code of its own. */
const orArgument = <T>(attempt: () => T): T | undefined => {
  try {
    return attempt();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'commander.invalidArgument') throw error;
    return undefined;
  }
};

export const textTargets = [
  parser(
    'printable text',
    text,
    (raw) => {
      const shown = printable(raw);
      mustBeShown(shown);
      if (isPrintable(raw)) mustBeShown(raw);
      same(printable(shown), shown.trimEnd(), 'made printable again it is another');
    },
    6,
  ),
  parser(
    'names',
    like('node01.example.org', 'sess.ion-1', '52:54:00:12:34:56', '10.0.0.1', 'fe80::1', '80'),
    (raw) => {
      for (const schema of [HostName, SessionName, Mac, IpAddress, Pin, Secret]) {
        if (schema.safeParse(raw).success) mustBe(/^[\w.:%-]+$/.test(raw), 'let in');
      }
      const port = Port.safeParse(Number(raw)).data;
      mustBe(port === undefined || (port > 0 && port < 65_536), 'no port');
      mustBe(typeof plainAddress({ remoteAddress: raw }) === 'string', 'no text');
      const mac = macOf(raw);
      mustBe(mac === undefined || Mac.safeParse(mac).success, 'no MAC address');
      if (isIpv4(raw)) mustBe(/^[\d.]{7,15}$/.test(raw), 'no IPv4 address');
    },
    6,
  ),
  parser(
    'kernel lines',
    like(
      `BOOT_IMAGE=vmlinuz kamethod ka.golden=10.0.0.1:1234 ka.session=s ka.key=${SECRET} ka.ticket=${SECRET}`,
      `quiet kamethod ka.join=[fe80::1]:1234/${SECRET}/${SECRET} ka.admit=open`,
      'kamethod ka.disk=sda:nvme0n1,sdb:nvme1n1 disk=sda:vda disk=other ka.disk=c/d:cciss/c0d0',
    ),
    (line) => {
      const read = orRefused(['BadJoin', 'BadBootArgument'], () => parseBootArguments(line));
      if (!read) return;
      const { golden, session, pin, ticket, token, disks } = read;
      mustBe(!golden || (isAddress(golden.host) && Port.safeParse(golden.port).success), 'host');
      mustBe(session === undefined || SessionName.safeParse(session).success, 'session');
      mustBe(pin === undefined || Pin.safeParse(pin).success, 'pin');
      for (const secret of [ticket, token]) {
        mustBe(secret === undefined || Secret.safeParse(secret).success, 'secret');
      }
      for (const device of disks?.values() ?? []) {
        mustBe(isCleanPath(device) && device.startsWith('/dev/'), `device ${device}`);
      }
      mustBe(!disks || new Set(disks.values()).size === disks.size, 'two names for one disk');
      if (golden?.host.includes(':')) return;
      const again = parseBootArguments(formatBootArguments({ golden, session, pin, ticket }));
      same(
        [again.golden, again.session, again.pin, again.ticket],
        [golden && { ...golden }, session, pin, ticket].map((value, at) =>
          at === 0 && golden ? { host: golden.host, port: golden.port } : value,
        ),
        'read again it is another',
      );
    },
    4,
  ),
  parser(
    'join strings',
    like(JOIN, `[fe80::1]:1/${SECRET}/${SECRET}`, `host.name:65535/${SECRET}/${SECRET}\n`),
    (raw) => {
      const join = orRefused(['BadJoin'], () => parseJoinString(raw));
      if (!join) return;
      mustBe(isAddress(join.host) && Port.safeParse(join.port).success, 'address');
      same(parseJoinString(formatJoinString(join)), join, 'read again it is another');
    },
    4,
  ),
  parser(
    'codes',
    fc.tuple(fc.uint8Array(), fc.uint8Array(), text, text),
    ([nodeKey, goldenKey, nodeNonce, goldenNonce]) => {
      mustBe(/^\d{6}$/.test(codeOf({ nodeKey, goldenKey, nodeNonce, goldenNonce })), 'no code');
      mustBe(/^[0-9a-f]{64}$/.test(commitmentOf(nodeKey, nodeNonce)), 'no commitment');
    },
    2,
  ),
  parser(
    'mounts',
    fc.tuple(like(MOUNTINFO), like('/', '/home/x', '/mnt/x\ty/z')),
    ([table, path]) => {
      const mounts = parseMountinfo(table);
      // PATH_MAX: no path is longer.
      const found = mountLookup(mounts)(path.slice(0, 4095));
      mustBe(found === undefined || mounts.includes(found), 'a mount that is none');
    },
    3,
  ),
  parser(
    'fstab',
    like(FSTAB),
    (table) => {
      for (const { source, mount, type } of parseFstab(table)) {
        mustBe(source !== '' && mount !== '' && type !== '', 'an empty field');
      }
    },
    3,
  ),
  parser(
    'boot menus of the firmware',
    fc.tuple(like(EFI), like(EFI), like('0001', '0004')),
    ([before, after, added]) => {
      const menu = parseBootMenu(after);
      const order = addEntryTo(parseBootMenu(before), added, menu);
      same(order.filter((number) => number === added).length, 1, 'the new entry once');
      const own = '9f3c1111-2222-4333-8444-555555555555';
      const stale = staleEntries(menu, { label: 'debian', own, present: [own] });
      mustBe(
        stale.every(({ label }) => label === 'debian'),
        'of another system',
      );
    },
    2,
  ),
  parser(
    "dnsmasq's log",
    like(DNSMASQ),
    (log) => {
      const read = bootOfferReader();
      for (const line of log.split('\n')) {
        const offer = read(line);
        mustBe(!offer || /^[0-9a-f:]{17}$/.test(offer.mac), 'a machine without an address');
      }
    },
    2,
  ),
  parser(
    'answers of DHCP servers',
    fc.tuple(bytesLike(DHCP), fc.uint8Array({ minLength: 4, maxLength: 4 })),
    ([packet, other]) => {
      for (const transaction of [Buffer.alloc(4), Buffer.from(other)]) {
        const server = serverOf(packet, transaction, '10.0.0.9');
        mustBe(server === undefined || isIpv4(server), 'no address');
      }
    },
    4,
  ),
  parser('ethers', like('52:54:0:12:34:56 node1\n# x\n525400123457 node2 # y\n'), (table) => {
    for (const mac of parseEthers(table).values()) mustBe(Mac.safeParse(mac).success, mac);
  }),
  parser(
    'words of a command',
    like(`ipmitool -H 10.0.0.9 -P "a \\"b" 'c d' chassis\\ power`, `a'b'"c"`),
    (command) => {
      const words = orRefused(['BadCommand'], () => splitWords(command));
      if (!words) return;
      const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
      same(splitWords(quoted), words, 'quoted it is another');
    },
    3,
  ),
  parser(
    'lines of any length',
    fc.tuple(fc.array(bytesLike(Buffer.from('a line\r\né\n\n'))), fc.integer({ min: 1, max: 64 })),
    ([pieces, most]) => {
      const lines: string[] = [];
      const take = boundedLines(most, (line) => lines.push(line));
      for (const piece of pieces) take(piece);
      mustBe(
        lines.every((line) => line.length <= most && !line.includes('\n')),
        'too long',
      );
    },
    3,
  ),
  parser(
    'values of options',
    like(
      '10m',
      '1.5h',
      '90',
      'host:80',
      '4294967296',
      '/a:/usr/local/bin/a',
      '10.0.0.9',
      '[::1]:1',
    ),
    (value) => {
      mustBe((orArgument(() => duration(value)) ?? 0) >= 0, 'time');
      mustBe((orArgument(() => wholeNumber(1, 9)(value)) ?? 1) <= 9, 'number');
      const port = orArgument(() => hostAndPort(1)(value))?.port ?? 1;
      mustBe(port >= 1 && port <= 65_535, 'port');
      const place = orRefused(['BadPlace'], () => parseAddition(value))?.to;
      mustBe(place === undefined || /^\/(usr|etc)\//.test(place), `place ${place}`);
      mustBe(!place?.split('/').includes('..'), `place ${place}`);
      orRefused(['BadRange'], () => checkRange(network, { from: '10.0.0.2', to: value }));
      orRefused(['Usage', 'BadNode'], () => parseStatusTarget(value));
    },
    3,
  ),
];
