/** The firmware's boot menu, as efibootmgr(8) prints it, and what is to become of it. */

export interface MenuEntry {
  /** Four hex digits, as in Boot0001. */
  number: string;
  label: string;
  /** Written as in `PARTUUID=`, lower case; undefined for entries without a partition. */
  partUuid: string | undefined;
  /** Starts from the network. */
  isNetwork: boolean;
}

export interface BootMenu {
  /** Numbers, first to be tried first. */
  order: string[];
  entries: MenuEntry[];
}

/** `Boot0001* debian<TAB>HD(1,GPT,9f3c…,0x800,0x32000)/File(\EFI\debian\shimx64.efi)`; the star means active. */
const ENTRY = /^Boot([0-9A-F]{4})[* ] (.*?)(?:\t(.*))?$/i;

/** Device paths of UEFI specification 2.10, 10.3.5: hard drive by GUID or by msdos signature. */
const BY_GUID = /HD\(\d+,GPT,([0-9a-f-]{36})/i;
const BY_SIGNATURE = /HD\((\d+),MBR,0x([0-9a-f]{1,8})/i;

/** … and its messaging paths of network interfaces and of what is fetched through them. */
const NETWORK = /\/MAC\(|\/IPv[46]\(|\/Uri\(/i;

const partUuidOf = (path: string): string | undefined => {
  const guid = BY_GUID.exec(path)?.[1];
  if (guid !== undefined) return guid.toLowerCase();
  const [, number, signature] = BY_SIGNATURE.exec(path) ?? [];
  if (number === undefined || signature === undefined) return undefined;
  return `${signature.toLowerCase().padStart(8, '0')}-${number.padStart(2, '0')}`;
};

/** Reads `efibootmgr --verbose`. */
export const parseBootMenu = (text: string): BootMenu => {
  const order = /^BootOrder: ([0-9A-F,]+)$/im.exec(text)?.[1]?.split(',') ?? [];
  const entries = text.split('\n').flatMap((line): MenuEntry[] => {
    const [, number, label, path = ''] = ENTRY.exec(line) ?? [];
    if (number === undefined || label === undefined) return [];
    return [{ number, label, partUuid: partUuidOf(path), isNetwork: NETWORK.test(path) }];
  });
  return { order, entries };
};

/**
 * Entries of this label that lead to the new partition already, or to one the
 * machine no longer has: what older clonings left. One that leads to another
 * disk's partition is another system's.
 */
export const staleEntries = (
  { entries }: BootMenu,
  { label, own, present }: { label: string; own: string; present: readonly string[] },
): MenuEntry[] => {
  const others = present.filter((id) => id !== own);
  return entries.filter(
    (entry) =>
      entry.label === label && entry.partUuid !== undefined && !others.includes(entry.partUuid),
  );
};

/**
 * The order with the new entry first, but behind the network entries that led
 * before: a cluster whose nodes ask the network first is told there, by the
 * boot server, to start from disk, and can be cloned again without a hand on it.
 */
export const addEntryTo = (before: BootMenu, added: string, after: BootMenu): string[] => {
  const isNetwork = (number: string): boolean =>
    after.entries.some((entry) => entry.number === number && entry.isNetwork);
  const rest = after.order.filter((number) => number !== added);
  const firstOther = rest.findIndex((number) => !isNetwork(number));
  const leading = firstOther < 0 ? rest.length : firstOther;
  const led = before.order[0] !== undefined && isNetwork(before.order[0]);
  return led ? [...rest.slice(0, leading), added, ...rest.slice(leading)] : [added, ...rest];
};
