/** Removes what the golden's hardware and its past left behind. */
import { lstat, unlink } from 'node:fs/promises';
import { entryInside, listInside, orNull } from '../system/inside.ts';

interface Trace {
  what: string;
  directory: string;
  names: RegExp;
}

const TRACES: readonly Trace[] = [
  // Interface and drive names tied to the golden's serial numbers.
  { what: 'udev rules', directory: '/etc/udev/rules.d', names: /^7[05]-persistent-.*\.rules$/ },
  // Asking for the golden's address again.
  { what: 'dhcp leases', directory: '/var/lib/dhcp', names: /lease/ },
  { what: 'dhcp leases', directory: '/var/lib/dhcp3', names: /lease/ },
  { what: 'dhcp leases', directory: '/var/lib/dhclient', names: /lease/ },
  { what: 'dhcp leases', directory: '/var/lib/dhcpcd', names: /^(duid|secret|.*lease6?)$/ },
  { what: 'dhcp leases', directory: '/var/lib/dhcpcd5', names: /^(duid|secret|.*lease6?)$/ },
  { what: 'dhcp leases', directory: '/etc/dhcpc', names: /./ },
  {
    what: 'dhcp leases',
    directory: '/var/lib/NetworkManager',
    names: /^(.*lease|secret_key|seen-bssids|timestamps)$/,
  },
  { what: 'dhcp leases', directory: '/var/lib/systemd/network', names: /lease/ },
  { what: 'dhcp leases', directory: '/var/lib/wicked', names: /^(lease-.*|duid\.xml|iaid\.xml)$/ },
  // The same seed and key on every node would be none.
  {
    what: 'random seeds',
    directory: '/var/lib/systemd',
    names: /^(random-seed|credential\.secret)$/,
  },
  { what: 'random seeds', directory: '/var/lib', names: /^random-seed$/ },
  { what: 'random seeds', directory: '/var/lib/urandom', names: /^random-seed$/ },
  { what: 'random seeds', directory: '/boot/loader', names: /^random-seed$/ },
];

/** Removes the files (never directories, never through a link in the last place); says how many of what. */
export const forgetTraces = async (root: string): Promise<string> => {
  const counts = new Map<string, number>();
  for (const { what, directory, names } of TRACES) {
    for (const name of await listInside(root, directory)) {
      if (!names.test(name)) continue;
      const path = await entryInside(root, `${directory}/${name}`);
      if ((await orNull(lstat(path)))?.isDirectory() ?? true) continue;
      await unlink(path);
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
  }
  if (counts.size === 0) return 'no traces of the golden';
  return `removed ${[...counts].map(([what, count]) => `${count} ${what}`).join(', ')}`;
};
