/** Paths in which a clone of a Debian system is meant to differ from its golden, and why. */

interface OwnPath {
  why: string;
  pattern: RegExp;
}

const ownPaths: readonly OwnPath[] = [
  { why: 'host name', pattern: /^etc\/(hostname|hosts)$/ },
  { why: 'identity', pattern: /^(etc\/machine-id|var\/lib\/dbus\/machine-id)$/ },
  { why: 'identity', pattern: /^etc\/ssh\/ssh_host_[^/]+$/ },
  { why: 'identity', pattern: /^var\/lib\/systemd\/(random-seed|credential\.secret)$/ },
  { why: 'own UUIDs', pattern: /^etc\/(fstab|default\/grub|initramfs-tools\/conf\.d\/resume)$/ },
  { why: 'made for its own disk', pattern: /^boot\/(initrd\.img-[^/]+|grub(\/.*)?)$/ },
  { why: 'record of update-initramfs', pattern: /^var\/lib\/initramfs-tools\/[^/]+$/ },
  {
    why: 'directories whose time changes with the above',
    pattern:
      /^(etc|etc\/ssh|etc\/default|etc\/initramfs-tools\/conf\.d|boot|var\/lib\/dbus|var\/lib\/systemd|var\/lib\/initramfs-tools|var\/tmp)$/,
  },
  { why: 'made by mkfs', pattern: /(^|\/)lost\+found$/ },
];

/** True for a path, below the root of the tree, that each clone has of its own. */
export const isOwnPath = (path: string): boolean =>
  ownPaths.some(({ pattern }) => pattern.test(path));

/** Of these, what must differ when it exists: two machines with the same identity are a fault. */
export const mustDiffer = /^(etc\/hostname|etc\/machine-id|etc\/ssh\/ssh_host_[^/]+_key)$/;
