/** What boot images are made of. */

/**
 * Debian packages of stage2: everything the steps call, and what an admin
 * reaches for at a node that does not do as it should. The kernel is in it too.
 */
export const PACKAGES: readonly string[] = [
  'linux-image-amd64',
  'busybox-static',
  'kmod',
  'libatomic1',
  'libstdc++6',
  // Partitions and file systems
  'fdisk',
  'util-linux',
  'mount',
  'e2fsprogs',
  'xfsprogs',
  'btrfs-progs',
  'dosfstools',
  'jfsutils',
  'reiserfsprogs',
  'mdadm',
  'lvm2',
  'cryptsetup-bin',
  'partclone',
  // Bytes
  'tar',
  'zstd',
  'rsync',
  'acl',
  'attr',
  'openssl',
  // Boot loaders
  'grub2-common',
  'grub-pc-bin',
  'grub-efi-amd64-bin',
  'efibootmgr',
  'extlinux',
  // Looking at a machine
  'smartmontools',
  'nvme-cli',
  'hdparm',
  'iproute2',
  'ethtool',
  'pciutils',
];

/** Directories of a Debian root that no step looks into. */
export const UNNEEDED: readonly string[] = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/i18n',
  'usr/share/zoneinfo',
  'usr/share/bash-completion',
  'usr/share/bug',
  'usr/share/lintian',
  'usr/lib/modules-load.d',
  'etc/apt',
  'etc/cron.daily',
  // Of the machine the image is built on, or made by chance: no node may have them.
  'etc/fstab',
  'etc/hostname',
  'etc/hosts',
  'etc/machine-id',
  'etc/mdadm/mdadm.conf',
  'etc/nvme/hostid',
  'etc/nvme/hostnqn',
  'etc/resolv.conf',
];

/** Kernel modules of no use to a machine that is being cloned; below `kernel/`. */
export const UNNEEDED_MODULES: readonly string[] = [
  'sound',
  'drivers/accessibility',
  'drivers/gpu',
  'drivers/iio',
  'drivers/input/joystick',
  'drivers/input/touchscreen',
  'drivers/isdn',
  'drivers/leds',
  'drivers/media',
  'drivers/net',
  'drivers/staging',
  'drivers/video',
  'net/bluetooth',
  'net/mac80211',
  'net/wireless',
];

/** Where modules of wired network cards are; below `kernel/`. */
export const WIRED_MODULES: readonly string[] = [
  'drivers/net/ethernet',
  'drivers/net/hyperv',
  'drivers/net/mdio',
  'drivers/net/pcs',
  'drivers/net/phy',
  'drivers/net/usb',
  'drivers/net/vmxnet3',
];

/** More modules by name, for `all`: USB network cards and keyboards, virtual machines. */
export const WIRED_NAMES: readonly string[] = [
  'virtio_net',
  'virtio_pci',
  'xen-netfront',
  'xhci-pci',
  'ehci-pci',
  'ohci-pci',
  'uhci-hcd',
  'usbhid',
  'hid-generic',
];

export const VIRTIO_NAMES: readonly string[] = ['virtio_net', 'virtio_pci'];

/** Without these stage2 could not be mounted. */
export const STAGE1_NAMES: readonly string[] = ['loop', 'squashfs'];
