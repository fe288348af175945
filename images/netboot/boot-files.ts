/** What boot loaders read, in their own languages: menus for pxelinux and iPXE, and what leads there. */
import { z } from 'zod';
import { formatBootArguments } from '../../protocol/boot-arguments.ts';
import { Port } from '../../system/names.ts';
import { BootLabel, type SessionBoot } from './labels.ts';
import { ImageName, Ipv4, KernelArguments, plain } from './plain-values.ts';
import type { Serving } from './serving.ts';

/** How long a person has to choose the other label. */
export const CHOICE_SECONDS = 5;

/** A key touched by accident must not hold a machine at the menu for ever. */
const MENU_SECONDS = 60;

/** Before an iPXE that could not fetch something tries again. */
const RETRY_SECONDS = 10;

/**
 * The kernel would show its command line on them, and serial consoles are often
 * logged: only warnings and what is worse (5 = KERN_NOTICE is left out).
 */
const CONSOLES = 'console=tty0 console=ttyS0,115200 loglevel=5';

export interface BootWords {
  /** It takes this machine in; undefined = it looks for a session. */
  session: SessionBoot | undefined;
  /** Of this machine's key as a golden. */
  pin: string;
  /** Undefined for a machine that is not known: it asks to be let in. */
  ticket: string | undefined;
}

/** The kernel's command line, but for what a boot loader adds. */
export const kernelArguments = ({ session, pin, ticket }: BootWords): string => {
  const bootArguments = formatBootArguments({
    golden: session?.golden,
    session: session?.name,
    pin: session?.pin ?? pin,
    ticket,
  });
  return `${bootArguments} ${CONSOLES}`;
};

export const Menu = z.object({
  label: BootLabel,
  /** Of the HTTP server, with a slash at the end. */
  base: z.string().regex(/^http:\/\/[\d.]+:\d+\/$/),
  image: ImageName,
  arguments: KernelArguments,
});
export type Menu = z.infer<typeof Menu>;

const NOTE = 'Made by ka; changes are lost. See: ka pxe --help';

/**
 * The kernel by its full address, as what leads here may have come by TFTP. LOCALBOOT 0
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
 * "replace", because otherwise a menu that ends with `exit 1` would count as
 * one that could not be had.
 */
export const firstScript = (base: string): string => `#!ipxe
# ${NOTE}
chain --autofree --replace ${base}ipxe/\${netX/mac:hexhyp}.ipxe
`;

/**
 * For a pxelinux that was told nothing but its own name and so asks by TFTP: its
 * menu comes by HTTP all the same. Where that cannot be had, it hands the machine
 * back to its BIOS; without a label of its own it would stand at a prompt for ever.
 */
export const leadToMenu = (base: string): string => `# ${NOTE}
DEFAULT local
LABEL local
  LOCALBOOT 0
INCLUDE ${base}pxelinux.cfg/default
`;

export const baseUrl = ({ address, port }: Pick<Serving, 'address' | 'port'>): string =>
  `http://${plain(Ipv4, address, 'address')}:${plain(Port, port, 'port')}/`;
