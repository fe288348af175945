/** Paths in which a clone of a system is meant to differ from its golden, and why. */

interface OwnPath {
  why: string;
  pattern: RegExp;
}

const lostAndFound = /(^|\/)lost\+found$/;

const ownPaths: readonly OwnPath[] = [
  { why: 'host name', pattern: /^etc\/(hostname|HOSTNAME|hosts|mailname|sysconfig\/network)$/ },
  { why: 'identity', pattern: /^(etc\/machine-id|var\/lib\/dbus\/machine-id)$/ },
  { why: 'identity', pattern: /^etc\/ssh\/ssh_host_[^/]+$/ },
  { why: 'identity', pattern: /^var\/lib\/systemd\/(random-seed|credential\.secret)$/ },
  { why: 'identity', pattern: /^(var\/lib|var\/lib\/urandom|boot\/loader)\/random-seed$/ },
  { why: 'hardware', pattern: /^etc\/udev\/rules\.d\/7[05]-persistent-[^/]*\.rules$/ },
  {
    why: 'addresses it was given',
    pattern:
      /^(var\/lib\/(dhcp|dhcp3|dhclient|dhcpcd5?|NetworkManager|wicked|systemd\/network)|etc\/dhcpc)\/[^/]+$/,
  },
  { why: 'own UUIDs', pattern: /^etc\/(fstab|crypttab|lilo\.conf|kernel\/cmdline)$/ },
  { why: 'own UUIDs', pattern: /^etc\/(default\/(grub|extlinux)|(default\/)?grub\.d\/[^/]+)$/ },
  {
    why: 'own UUIDs',
    pattern:
      /^etc\/(initramfs-tools\/(initramfs\.conf|conf\.d\/[^/]+)|dracut\.conf(\.d\/[^/]+)?|mkinitcpio\.(conf|d\/[^/]+))$/,
  },
  {
    why: 'made for its own disk',
    pattern: /^boot\/(initrd[^/]*|initramfs-[^/]+|map|(grub2?|extlinux|syslinux|loader)(\/.*)?)$/,
  },
  { why: 'made for its own disk', pattern: /^(boot\/)?efi\/(EFI|loader)(\/.*)?$/ },
  { why: 'record of update-initramfs', pattern: /^var\/lib\/initramfs-tools\/[^/]+$/ },
  { why: 'made by mkfs', pattern: lostAndFound },
  { why: 'made to run its own tools in it', pattern: /^(dev|proc|run|sys)$/ },
];

/** Directories of these. Their times change with what is in them; nothing else of them may. */
const timesChange =
  /^(|boot|boot\/efi|efi|tmp|var\/tmp|var\/lib|etc|etc\/(ssh|default|default\/grub\.d|grub\.d|kernel|sysconfig|dhcpc|udev\/rules\.d|dracut\.conf\.d|mkinitcpio\.d|initramfs-tools|initramfs-tools\/conf\.d)|var\/lib\/(dbus|urandom|dhcp|dhcp3|dhclient|dhcpcd5?|NetworkManager|wicked|systemd|systemd\/network|initramfs-tools))$/;

/**
 * True for a path, below the root of the tree, that each clone has of its own.
 * `differing` says in what it differs, as `compareTrees` writes it.
 */
export const isOwnPath = (path: string, differing: readonly string[]): boolean =>
  ownPaths.some(({ pattern }) => pattern.test(path)) ||
  (timesChange.test(path) && differing.every((what) => what.startsWith('modified ')));

/** True for what mkfs makes on every disk, also where no system is. */
export const isMadeByMkfs = (path: string): boolean => lostAndFound.test(path);

/** Of these, what must differ when it exists: two machines with the same identity are a fault. */
export const mustDiffer = /^(etc\/hostname|etc\/machine-id|etc\/ssh\/ssh_host_[^/]+_key)$/;
