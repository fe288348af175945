/**
 * Boot menus, made when a machine fetches one: with what it boots by its label,
 * and a ticket for this one boot on the kernel line. They are never kept.
 */
import { toFailure } from '../../protocol/failure.ts';
import { goldenKeys } from '../../trust/golden-keys.ts';
import { issueTicket } from '../../trust/tickets.ts';
import { firstScript, ipxeScript, kernelArguments, Menu, pxelinuxConfig } from './boot-files.ts';
import { type BootLabel, type Labels, labelOf, sessionOf } from './labels.ts';
import { macOf } from './mac.ts';
import { macOfAddress } from './neighbours.ts';
import { plain } from './plain-values.ts';

/** A file that is asked for by HTTP. */
export interface FileRequest {
  /** Path without a slash at its beginning. */
  file: string;
  /** IPv4 address of who asks. */
  client: string;
  /** As the header has it. */
  cookie: string | undefined;
}

/** A machine's menu went out. */
export interface MenuGiven {
  client: string;
  /** Undefined = it is not known who asked. */
  mac: string | undefined;
  label: BootLabel;
}

export interface MenuOptions {
  /** Of the HTTP server, with a slash at the end. */
  base: string;
  /** Name of the boot image. */
  image: string;
  /** The interface that is served. */
  device: string;
  /** What counts now. */
  labels: () => Labels;
  onGiven: (menu: MenuGiven) => void;
  /** A menu has to do without a ticket. */
  onError: (error: Error) => void;
}

export interface Menus {
  /** Whether this is asked for here, and nowhere on the disk. */
  has: (file: string) => boolean;
  /** Throws `RangeError` for what it has not. */
  make: (request: FileRequest) => Promise<string>;
}

const FIRST = 'boot.ipxe';
/** What a pxelinux asks for that does not ask by its MAC address (tftp-files.ts). */
const BY_ADDRESS = 'pxelinux.cfg/default';
/** What iPXE asks for, and pxelinux, where `01` stands for Ethernet. */
const OF_ONE_MACHINE = /^(?:ipxe\/([0-9a-f-]{17})\.ipxe|pxelinux\.cfg\/01-([0-9a-f-]{17}))$/i;

const macInPath = (file: string): string | undefined => {
  const [, ipxe, pxelinux] = OF_ONE_MACHINE.exec(file) ?? [];
  return macOf(ipxe ?? pxelinux ?? '');
};

/** lpxelinux says in a cookie what it says in file names. */
const macInCookie = (cookie = ''): string | undefined =>
  macOf(/(?:^|;\s*)_Syslinux_BOOTIF=01-([0-9a-f-]{17})(?:;|$)/i.exec(cookie)?.[1] ?? '');

/** The menus of one `ka pxe serve`. */
export const bootMenus = ({
  base,
  image,
  device,
  labels,
  onGiven,
  onError,
}: MenuOptions): Menus => {
  const ticketFor = (mac: string): string | undefined => {
    try {
      return issueTicket(mac);
    } catch (error) {
      // It can still ask by code, which is better than not to boot.
      onError(new Error(`no ticket for ${mac}: ${toFailure(error).message}`));
      return undefined;
    }
  };
  const has = (file: string): boolean =>
    file === FIRST || file === BY_ADDRESS || macInPath(file) !== undefined;
  const make = async ({ file, client, cookie }: FileRequest): Promise<string> => {
    if (!has(file)) throw new RangeError(`no menu ${file}`);
    if (file === FIRST) return firstScript(base);
    const mac = macInPath(file) ?? (await macOfAddress(client, device)) ?? macInCookie(cookie);
    const now = labels();
    const label = labelOf(now, mac);
    const words = kernelArguments({
      session: sessionOf(now, mac),
      pin: (await goldenKeys()).pin,
      // Also for one that boots its disk: who stands before it may choose the other label.
      ticket: mac === undefined ? undefined : ticketFor(mac),
    });
    onGiven({ client, mac, label });
    const write = file.startsWith('ipxe/') ? ipxeScript : pxelinuxConfig;
    return write(plain(Menu, { label, base, image, arguments: words }, 'boot menu'));
  };
  return { has, make };
};
