/** Files and command lines that are written with values of others in them. */
import fc from 'fast-check';
import type { PartitionPlan } from '../../../desc/clone-plan.ts';
import { parseFstab } from '../../../desc/mounts.ts';
import {
  ipxeScript,
  kernelArguments,
  Menu,
  pxelinuxConfig,
} from '../../../images/netboot/boot-files.ts';
import { DHCP_SERVERS, dhcpAdvice } from '../../../images/netboot/dhcp-advice.ts';
import { dnsmasqConfig } from '../../../images/netboot/dnsmasq-config.ts';
import * as labels from '../../../images/netboot/labels.ts';
import { KernelArguments } from '../../../images/netboot/plain-values.ts';
import { HomeCall } from '../../../protocol/home.ts';
import { replaceReferences, withoutRootSubvolume } from '../../../stage2/boot-references.ts';
import { rewriteFstab } from '../../../stage2/fstab-text.ts';
import { renameInHosts } from '../../../stage2/host-name.ts';
import type { NodeReference } from '../../../stage2/node-references.ts';
import { homeScript } from '../../../stage2/phone-home-script.ts';
import {
  excludedBelow,
  rsyncExcludes,
  rsyncHidden,
  tarExcludes,
} from '../../../streams/exclude.ts';
import { like, objectLike, text } from '../hostile.ts';
import { mustBe, orRefused, parser, same } from '../target.ts';

const lineCount = (written: string): number =>
  written.split(/\r\n|[\n\r\u0085\u2028\u2029]/).length;

const SECRET = 'abcdefghijklmnopqrstuvwxyz';
const MAC = '52:54:00:12:34:56';

const menu: Menu = {
  label: 'kamethod',
  base: 'http://10.0.0.1:8080/',
  image: 'default',
  arguments: 'kamethod ka.golden=10.0.0.1:1234 console=tty0',
};

const setting = {
  network: { name: 'eth0', address: '10.0.0.1', netmask: '255.255.255.0' },
  port: 80,
  range: { from: '10.0.0.10', to: '10.0.0.20' },
  guessed: false,
};

const known: labels.Labels = {
  default: 'local',
  nodes: { [MAC]: { label: 'kamethod', why: 'cloned', since: 0 } },
  names: { node1: [MAC] },
  session: {
    process: { pid: 1, started: '1' },
    name: 'session',
    label: 'kamethod',
    macs: [MAC],
    golden: { host: '10.0.0.1', port: 1234 },
    pin: SECRET,
  },
};

const home = { host: '10.0.0.1', port: 12_347, token: '0123456789abcdef0123456789abcdef' };
const caller = {
  program: 'nc',
  limit: '',
  command: ({ host, port }: HomeCall) => `printf '%s\\n' "$line" | nc -w 10 ${host} ${port}`,
};
const script = (call: HomeCall): string =>
  homeScript(call, caller, { entries: [], afterwards: undefined });

const GOLDEN_UUID = 'aaaaaaaa-0000-4000-8000-000000000001';
const NODE_UUID = '11111111-2222-4333-8444-555555555555';

const reference = (mount: string, label: string): NodeReference => {
  const partition: PartitionPlan = {
    number: 1,
    role: 'primary',
    startSector: 2048,
    sizeSectors: 2048,
    type: '83',
    flags: [],
    content: 'files',
    mount,
    filesystem: { type: 'ext4', options: [], uuid: NODE_UUID },
    golden: { device: '/dev/sda1', uuid: GOLDEN_UUID, label, subvolume: '/@' },
  };
  const disk = {
    name: 'sda',
    device: '/dev/vda',
    sizeBytes: 1024 ** 3,
    sectorBytes: 512,
    table: 'msdos' as const,
    tableId: '0x12345678',
    keepsData: false,
    partitions: [partition],
  };
  const uuids = { type: 'ext4', uuid: NODE_UUID, label, partUuid: '12345678-01' };
  return { disk, partition, device: '/dev/vda1', ...uuids };
};

const FSTAB = `UUID=${GOLDEN_UUID} / ext4 errors=remount-ro 0 1
LABEL=data /data ext4 noatime 0 2
/dev/sda1 /again ext4 subvol=@home 0 0
/dev/sdb1 /other ext4 defaults 0 0
server:/export /mnt/nfs nfs4 _netdev 0 0
`;

const GRUB = `linux /vmlinuz root=UUID=${GOLDEN_UUID} ro rootflags=subvol=@,noatime quiet
GRUB_CMDLINE_LINUX="resume=/dev/sda1 rootflags=subvol=@ root=/dev/sda1 rootflags=subvolid=5,subvol=/@"
menuentry 'x' --id gnulinux-simple-${GOLDEN_UUID} {
`;

const path = fc.oneof(
  fc.constantFrom('/', '/home', '/home/', '/var/cache', '/srv/[a]*?\\x', '/home/x\ny'),
  text.map((raw) => `/${raw.replaceAll('\0', '')}`),
);

export const fileTargets = [
  parser(
    'menus of boot loaders',
    objectLike(menu),
    (value) => {
      const read = Menu.safeParse(value).data;
      if (!read) return;
      same(lineCount(pxelinuxConfig(read)), lineCount(pxelinuxConfig(menu)), 'lines of pxelinux');
      same(lineCount(ipxeScript(read)), lineCount(ipxeScript(menu)), 'lines of iPXE');
      mustBe(!/[;|&$`'"{}<>\\]/.test(`${read.arguments}${read.image}${read.base}`), 'a command');
    },
    4,
  ),
  parser(
    'what machines boot',
    fc.tuple(objectLike(known), fc.array(fc.constantFrom(MAC, '52:54:00:00:00:02', '__proto__'))),
    ([value, macs]) => {
      const read = labels.Labels.safeParse(value).data;
      if (!read) return;
      const { session } = read;
      const words = kernelArguments({ session: session ?? undefined, pin: SECRET, ticket: SECRET });
      mustBe(KernelArguments.safeParse(words).success, words);
      const chosen = labels.choose(read, macs, 'local', 'chosen');
      for (const mac of macs) same(labels.labelOf(chosen, mac), 'local', mac);
      const forgotten = labels.forget(chosen, macs);
      for (const mac of macs) mustBe(!Object.hasOwn(forgotten.nodes, mac), mac);
      labels.remember(labels.chooseForAll(read, 'kamethod'), 'node', macs);
      labels.hasCloned(read);
    },
    2,
  ),
  parser(
    'settings of dnsmasq',
    objectLike(setting),
    (value) => {
      const written = orRefused(['NotPlain'], () => dnsmasqConfig(value as typeof setting));
      if (written === undefined) return;
      const right = [setting, { ...setting, range: undefined }, { ...setting, guessed: true }];
      const counts = right.map((one) => lineCount(dnsmasqConfig(one as typeof setting)));
      mustBe(counts.includes(lineCount(written)), 'another line');
      mustBe(/^[\x20-\x7e\n]*$/.test(written), 'a letter nobody wrote');
    },
    2,
  ),
  parser(
    'advice for DHCP servers',
    fc.tuple(like('10.0.0.1'), fc.integer(), fc.constantFrom(...DHCP_SERVERS)),
    ([address, port, server]) => {
      const written = orRefused(['NotPlain'], () => dhcpAdvice(server, { address, port }));
      if (written === undefined) return;
      const right = dhcpAdvice(server, { address: '10.0.0.1', port: 80 });
      same(lineCount(written), lineCount(right), 'another line');
    },
    2,
  ),
  parser(
    'scripts that phone home',
    objectLike(home),
    (value) => {
      const read = HomeCall.safeParse(value).data;
      if (!read) return;
      same(lineCount(script(read)), lineCount(script(home)), 'another line');
      mustBe(/^[\w.:%]+$/.test(`${read.host}${read.port}${read.token}`), 'a command');
    },
    3,
  ),
  parser(
    'fstab of clones',
    fc.tuple(like(FSTAB), path, like('data')),
    ([before, mount, label]) => {
      const { text: after, changes } = rewriteFstab(before, [reference(mount, label)]);
      const mine = parseFstab(after).filter(({ source }) => source === `UUID=${NODE_UUID}`);
      mustBe(mine.length > 0, 'the clone does not find its own partition');
      mustBe(
        !parseFstab(after).some(({ source }) => source === `UUID=${GOLDEN_UUID}`),
        "the golden's partition is still there",
      );
      mustBe(
        !after.includes(`# not on a cloned disk: UUID=${GOLDEN_UUID} `),
        'its own line is commented out',
      );
      mustBe(after.split('\n').length <= before.split('\n').length + 2, 'more lines');
      mustBe(changes.length > 0, 'nothing is said');
    },
    3,
  ),
  parser(
    'boot files of clones',
    fc.tuple(like(GRUB), like('/@', '/a(b'), like('golden', 'a.b'), like('127.0.0.1 golden\n')),
    ([before, subvolume, name, hosts]) => {
      const after = replaceReferences(before, [reference('/', 'data')]);
      mustBe(!after.includes(` root=UUID=${GOLDEN_UUID} `), "the golden's root");
      same(lineCount(after), lineCount(before), 'another line');
      withoutRootSubvolume(after, subvolume);
      // As long as a plan's may be.
      const renamed = renameInHosts(hosts, name.slice(0, 253), 'node');
      same(renameInHosts(renamed, '', 'other'), renamed, 'renamed from nothing');
    },
    3,
  ),
  parser(
    'what is left out',
    fc.tuple(path, fc.array(path, { maxLength: 4 }), fc.array(path, { maxLength: 4 })),
    ([mount, exclude, mounts]) => {
      const excluded = excludedBelow(mount, exclude, mounts);
      mustBe(
        excluded.every((one) => one === '' || one.startsWith('/')),
        'from no root',
      );
      same(tarExcludes(excluded).length, excluded.length + 2, 'words of tar');
      same(rsyncExcludes(excluded).length, excluded.length, 'words of rsync');
      const hidden = orRefused(['NotHidden'], () => rsyncHidden(excluded));
      if (hidden !== undefined) same(hidden.split(/[\r\n]/).length, excluded.length + 1, 'lines');
    },
    3,
  ),
];
