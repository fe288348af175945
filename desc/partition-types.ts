/** Partition types by name, for both tables. */

interface TypeCodes {
  msdos?: string;
  gpt?: string;
}

/**
 * Codes: msdos as fdisk lists them; gpt from the UEFI specification (esp),
 * the GRUB manual (bios-boot) and the UAPI Discoverable Partitions
 * Specification (root-*, home, srv, var, tmp, boot).
 * Of several names for one code the first is used for printing.
 */
const typeCodes: Record<string, TypeCodes> = {
  linux: { msdos: '83', gpt: '0FC63DAF-8483-4772-8E79-3D69D8477DE4' },
  swap: { msdos: '82', gpt: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F' },
  extended: { msdos: '05' },
  esp: { msdos: 'EF', gpt: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B' },
  efi: { msdos: 'EF', gpt: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B' },
  'bios-boot': { gpt: '21686148-6449-6E6F-744E-656564454649' },
  lvm: { msdos: '8E', gpt: 'E6D6D379-F507-44C2-A23C-238F2A3DF928' },
  raid: { msdos: 'FD', gpt: 'A19D880F-05FC-4D3B-A006-743F0F84911E' },
  boot: { msdos: 'EA', gpt: 'BC13C2FF-59E6-4262-A352-B275FD6F7172' },
  home: { gpt: '933AC7E1-2EB4-4F13-B844-0E14E2AEF915' },
  srv: { gpt: '3B8F8425-20E0-4F3B-907F-1A25A76F98E8' },
  var: { gpt: '4D21B016-B534-45C2-A9FB-5C16E091FD2D' },
  tmp: { gpt: '7EC6F557-3BC5-4ACA-B293-16EF5DF639D1' },
  'root-x86-64': { gpt: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709' },
  'root-x86': { gpt: '44479540-F297-41B2-9AF7-D131D5F0458A' },
  'root-arm64': { gpt: 'B921B045-1DF0-41C3-AF44-4C6F280D3FAE' },
  prep: { msdos: '41', gpt: '9E1A2D38-C612-4316-AA26-8B49521E5A8B' },
  fat32: { msdos: '0C', gpt: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7' },
  ntfs: { msdos: '07', gpt: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7' },
  'windows-data': { msdos: '07', gpt: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7' },
  'windows-reserved': { gpt: 'E3C9E316-0B5C-4DB8-817D-F92DF00215AE' },
  'windows-recovery': { msdos: '27', gpt: 'DE94BBA4-06D1-4D40-A16A-BFD50179D6AC' },
};

type Table = 'msdos' | 'gpt';

/** Names that have a code in this table. */
export const typeNames = (table: Table): string[] =>
  Object.keys(typeCodes).filter((name) => typeCodes[name]?.[table]);

const guidPattern = /^[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}$/;
const hexPattern = /^[0-9A-F]{1,2}$/;

/** msdos types that hold logical partitions: CHS, LBA, Linux. */
export const extendedTypes: readonly string[] = ['05', '0F', '85'];

/**
 * Code of a type given by name, GUID (gpt) or hex (msdos): as in
 * `PartitionSpec.type`. Undefined when this table has no such type.
 */
export const typeCode = (table: Table, text: string): string | undefined => {
  const named = typeCodes[text.toLowerCase()]?.[table];
  if (named) return named;
  const upper = text.toUpperCase();
  if (table === 'gpt') return guidPattern.test(upper) ? upper : undefined;
  const hex = upper.replace(/^0X/, '');
  return hexPattern.test(hex) && !/^0+$/.test(hex) ? hex.padStart(2, '0') : undefined;
};

/** Name of a code, or the code itself when it has none. Read back by `typeCode`. */
export const typeName = (table: Table, code: string): string =>
  Object.keys(typeCodes).find((name) => typeCodes[name]?.[table] === code) ?? code;

/** True for the code `swap` has in this table. */
export const isSwapType = (table: Table, code: string): boolean => typeCodes.swap?.[table] === code;
