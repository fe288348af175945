/**
 * The files boot loaders read: one for everybody, one for each machine with a
 * choice of its own, for pxelinux and for iPXE. All made from the labels.
 */
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { formatBootArguments } from '../../protocol/boot-arguments.ts';
import { Port } from '../../system/names.ts';
import { stateDirectory } from '../../system/state-directory.ts';
import { BootLabel, type Labels, labelForAll } from './labels.ts';
import { macInFileName } from './mac.ts';
import { bootDirectory } from './paths.ts';
import { ImageName, Ipv4, KernelArguments, plain } from './plain-values.ts';
import { IPXE_DIRECTORY, openPxeDirectory, PXELINUX_DIRECTORY } from './pxe-directory.ts';
import type { Serving } from './serving.ts';
import { writePublic } from './write-file.ts';

/** How long a person has to choose the other label. */
const CHOICE_SECONDS = 5;

/** A key touched by accident must not hold a machine at the menu for ever. */
const MENU_SECONDS = 60;

/** Before an iPXE that could not fetch something tries again. */
const RETRY_SECONDS = 10;

const CONSOLES = 'console=tty0 console=ttyS0,115200';

/** This machine's key as a golden, if it has one yet. */
const goldenFingerprint = (): string | undefined => {
  try {
    const certificate = readFileSync(join(stateDirectory(), 'keys', 'golden.crt'));
    return new X509Certificate(certificate).fingerprint256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const kernelArguments = ({ session }: Labels): string => {
  const bootArguments = formatBootArguments({
    golden: session?.golden,
    session: session?.name,
    fingerprint: session?.fingerprint ?? goldenFingerprint(),
  });
  return `${bootArguments} ${CONSOLES}`;
};

const Menu = z.object({
  label: BootLabel,
  /** Of the HTTP server, with a slash at the end. */
  base: z.string().regex(/^http:\/\/[\d.]+:\d+\/$/),
  image: ImageName,
  arguments: KernelArguments,
});
type Menu = z.infer<typeof Menu>;

const NOTE = 'Made by ka; changes are lost. See: ka pxe --help';

/**
 * The kernel by its full address, as this file may have come by TFTP. LOCALBOOT 0
 * hands the machine back to its BIOS, which goes on with its next boot device.
 */
export const pxelinuxConfig = ({ label, base, image, arguments: words }: Menu): string => `# ${NOTE}
DEFAULT ${label}
PROMPT 1
TIMEOUT ${CHOICE_SECONDS * 10}
TOTALTIMEOUT ${MENU_SECONDS * 10}
ONTIMEOUT ${label}
SAY
SAY ka: ${label} in ${CHOICE_SECONDS} seconds (kamethod = be cloned, local = boot the own disk)

LABEL kamethod
  KERNEL ${base}images/${image}/vmlinuz
  INITRD ${base}images/${image}/initrd.img
  APPEND ${words}
  IPAPPEND 2

LABEL local
  LOCALBOOT 0
`;

/**
 * `exit 1`: the firmware tries its next boot device, while after a plain exit
 * some stop in their setup. A BIOS often has nothing next once the network was
 * tried, so there the first disk is started by hand.
 */
export const ipxeScript = ({ label, base, image, arguments: words }: Menu): string => {
  const other = label === 'kamethod' ? 'local' : 'kamethod';
  return `#!ipxe
# ${NOTE}
echo
prompt --key ${other.charAt(0)} --timeout ${CHOICE_SECONDS * 1000} ka: ${label} in ${CHOICE_SECONDS} seconds, or press ${other.charAt(0)} for ${other} && goto ${other} || goto ${label}

:kamethod
imgfree
kernel ${base}images/${image}/vmlinuz initrd=initrd.img ${words} BOOTIF=01-\${netX/mac:hexhyp} || goto again
initrd --name initrd.img ${base}images/${image}/initrd.img || goto again
boot || goto again

:again
echo ka: trying again in ${RETRY_SECONDS} seconds
sleep ${RETRY_SECONDS}
chain --autofree --replace ${base}boot.ipxe || goto again

:local
iseq \${platform} efi && exit 1 ||
sanboot --no-describe --drive 0x80 || exit 1
`;
};

/**
 * What every iPXE asks for first: it knows its address, we know its label.
 * "replace", because otherwise a script of its own that ends with `exit 1` would
 * count as one that could not be had, and everybody's would follow.
 */
const firstScript = (base: string): string => `#!ipxe
# ${NOTE}
chain --autofree --replace ${base}ipxe/\${netX/mac:hexhyp}.ipxe || chain --autofree --replace ${base}ipxe/default.ipxe
`;

const writeDirectory = (name: string, files: ReadonlyMap<string, string>): void => {
  const directory = join(bootDirectory(), name);
  for (const [file, text] of files) writePublic(join(directory, file), text);
  for (const file of readdirSync(directory)) {
    if (!files.has(file)) rmSync(join(directory, file));
  }
};

export const baseUrl = ({ address, port }: Pick<Serving, 'address' | 'port'>): string =>
  `http://${plain(Ipv4, address, 'address')}:${plain(Port, port, 'port')}/`;

/** Makes all files anew, and removes those of machines that have no choice of their own any more. */
export const writeBootFiles = (labels: Labels, serving: Serving): void => {
  openPxeDirectory();
  const base = baseUrl(serving);
  const words = kernelArguments(labels);
  const menu = (label: BootLabel): Menu =>
    plain(Menu, { label, base, image: serving.image, arguments: words }, 'boot menu');
  const all = menu(labelForAll(labels));
  const single = Object.entries(labels.nodes).map(
    ([mac, { label }]) => [macInFileName(mac), menu(label)] as const,
  );
  // In the order a machine asks: while files are replaced nobody finds less than its own.
  const pxelinux = single.map(([mac, own]) => [`01-${mac}`, pxelinuxConfig(own)] as const);
  const ipxe = single.map(([mac, own]) => [`${mac}.ipxe`, ipxeScript(own)] as const);
  writeDirectory(PXELINUX_DIRECTORY, new Map([...pxelinux, ['default', pxelinuxConfig(all)]]));
  writeDirectory(IPXE_DIRECTORY, new Map([...ipxe, ['default.ipxe', ipxeScript(all)]]));
  writePublic(join(bootDirectory(), 'boot.ipxe'), firstScript(base));
};
