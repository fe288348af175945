/** What lies on a device or in a range of it, found by blkid's own probing: no udev, no kernel partitions needed. */
import { isPrintable } from '../system/printable.ts';
import { type RunOptions, run } from '../system/run.ts';

export interface FoundFilesystem {
  /** blkid's name: ext4, swap, vfat, LVM2_member, crypto_LUKS … */
  type: string;
  uuid?: string;
  label?: string;
}

/** Exit statuses of `blkid -p` that are answers: found, nothing found, more than one thing found. */
const ANSWERS = [0, 2, 8];

/** `offset` and `size` in bytes, null = all of it; null when blkid knows nothing (or two things) there. */
export const probeFilesystem = async (
  device: string,
  range: { offset: number; size: number } | null,
  options: RunOptions = {},
): Promise<FoundFilesystem | null> => {
  const at = range ? ['-O', String(range.offset), '-S', String(range.size)] : [];
  const { stdout } = await run('blkid', ['-p', '-o', 'udev', ...at, device], {
    ...options,
    okExitCodes: ANSWERS,
  });
  const values = new Map(
    stdout.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const type = values.get('ID_FS_TYPE');
  if (type === undefined) return null;
  const uuid = values.get('ID_FS_UUID_ENC');
  const label = unescaped(values.get('ID_FS_LABEL_ENC') ?? '');
  return {
    type,
    ...(uuid === undefined ? {} : { uuid: unescaped(uuid) }),
    // Nothing refers to a file system by a label nobody can type.
    ...(label === '' || !isPrintable(label) ? {} : { label }),
  };
};

/** blkid writes unsafe bytes of the `_ENC` values as \xHH, and the rest as UTF-8. */
const unescaped = (text: string): string =>
  Buffer.concat(
    text
      .split(/(\\x[0-9a-f]{2})/)
      .map((part) =>
        /^\\x[0-9a-f]{2}$/.test(part)
          ? Buffer.from([Number.parseInt(part.slice(2), 16)])
          : Buffer.from(part),
      ),
  ).toString('utf8');
