/** The two golden disks: for machines that boot by BIOS, and for those that boot by UEFI. */

export type Firmware = 'bios' | 'uefi';

export interface GoldenPartition {
  /** For sfdisk. */
  type: string;
  /** null = what the others leave. */
  mebibytes: number | null;
  mkfs: readonly [string, ...string[]];
  /** Type and options as in fstab, and what fsck's order is there. */
  fstab: readonly [type: string, options: string, pass: number];
  mount: string | null;
}

export interface GoldenLayout {
  /** Name of the table for sfdisk. */
  table: 'dos' | 'gpt';
  /** In the order of the disk. */
  partitions: readonly GoldenPartition[];
  /** Packages beside those of both. */
  packages: readonly string[];
  /** For `ka golden -p DISK FILE`: a classic one, or YAML. */
  describe: (disk: string) => { fileName: string; text: string };
}

const ext4 = ['mkfs.ext4', '-q'] as const;
const SWAP_MEBIBYTES = 128;
const ESP_MEBIBYTES = 100;
const ROOT_MEBIBYTES = 2000;

const swap: Omit<GoldenPartition, 'type'> = {
  mebibytes: SWAP_MEBIBYTES,
  mkfs: ['mkswap'],
  fstab: ['swap', 'sw', 0],
  mount: null,
};
const ESP_OPTIONS = 'umask=0077';

export const goldenLayouts: Readonly<Record<Firmware, GoldenLayout>> = {
  bios: {
    table: 'dos',
    partitions: [
      {
        type: '83, bootable',
        mebibytes: ROOT_MEBIBYTES,
        mkfs: ext4,
        fstab: ['ext4', 'errors=remount-ro', 1],
        mount: '/',
      },
      { type: '82', ...swap },
      {
        type: '83',
        mebibytes: null,
        mkfs: ext4,
        fstab: ['ext4', 'defaults,nodev', 2],
        mount: '/home',
      },
    ],
    packages: ['grub-pc'],
    // Sizes in megabytes.
    describe: () => ({
      fileName: 'desc',
      text: `# disk of the demo's golden node
linux ${ROOT_MEBIBYTES}
swap ${SWAP_MEBIBYTES}
linux fill
`,
    }),
  },
  uefi: {
    table: 'gpt',
    partitions: [
      {
        type: 'uefi',
        mebibytes: ESP_MEBIBYTES,
        mkfs: ['mkfs.vfat', '-F', '32'],
        fstab: ['vfat', ESP_OPTIONS, 1],
        mount: '/boot/efi',
      },
      { type: 'swap', ...swap },
      {
        type: 'linux',
        mebibytes: null,
        mkfs: ext4,
        fstab: ['ext4', 'errors=remount-ro', 1],
        mount: '/',
      },
    ],
    packages: [
      'grub-efi-amd64',
      'grub-efi-amd64-signed',
      'shim-signed',
      'efibootmgr',
      'dosfstools',
    ],
    describe: (disk) => ({
      fileName: 'desc.yaml',
      text: `# disk of the demo's golden node, for UEFI
disks:
  - name: ${disk}
    table: gpt
    partitions:
      - size: ${ESP_MEBIBYTES}MiB
        type: esp
        filesystem: vfat
        mount: /boot/efi
        mountOptions: ${ESP_OPTIONS}
      - { size: ${SWAP_MEBIBYTES}MiB, type: swap }
      - { size: fill, filesystem: ext4, mount: /, mountOptions: errors=remount-ro }
`,
    }),
  },
};
