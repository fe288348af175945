/** The golden's side of settling: rsync's daemon on one authenticated connection at a time. */

import { z } from 'zod';

/** What may stand in rsyncd.conf(5) unescaped, for there is no escaping: made by us, never by others. */
const PlainPath = z.string().regex(/^\/[\w./+-]+$/);

const SettleServer = z.object({
  modules: z.array(
    z.object({
      /** As made by `settleModuleName`. */
      name: z.string().regex(/^mount-[0-9a-f]+$/),
      /** Directory on the golden, or a link to it. */
      path: PlainPath,
      /** File with `rsyncHidden` of what is not served. */
      hiddenFile: PlainPath,
    }),
  ),
  /** The only one that may come in. */
  user: z.string().regex(/^\w+$/),
  /** File with its "user:password" line; owner root, mode 0600, or rsync refuses it. */
  secretsFile: PlainPath,
});
export type SettleServer = z.infer<typeof SettleServer>;

/**
 * All that a settling node asks for (`stage2/settle.ts`). Others would make rsync
 * follow links, read devices, or take the names of files from files.
 */
const ALLOWED_OPTIONS = [
  'archive',
  'recursive',
  'times',
  'hard-links',
  'acls',
  'xattrs',
  'sparse',
  'numeric-ids',
  'modify-window',
  'checksum',
  'one-file-system',
  'delete*',
];

/**
 * After so many seconds without a byte in either direction one side is gone: rsync gives
 * up then, here and on the node, which is told this number. Whichever side waits says
 * something after half of it, or at its next look: 60 s later at the most. What both may
 * do between two bytes when neither waits must fit, on slow disks: read all files of an
 * EFI partition for their sums, or half a GiB of a large file, at 3 MB/s; a buffer full
 * of names and attributes, some 1000 files at 0.1 s each.
 */
export const SILENCE_S = 180;

/** Name of the module of a mount point; module names cannot hold slashes. "/" → "mount-2f". */
export const settleModuleName = (mount: string): string =>
  `mount-${Buffer.from(mount).toString('hex')}`;

const AS_ROOT = ['uid = 0', 'gid = 0', 'use chroot = yes'];

/**
 * Text of an rsyncd.conf(5) that lets one user read, and nothing else. Throws
 * when a value could be taken for more than itself.
 *
 * `munge symlinks` would prefix every symbolic link that is copied, and is on
 * by default without chroot. Numeric ids because the clone has the golden's
 * own users. No log file: what fails is said to the client. Negated options are
 * known to rsync 3.2.0 and newer; an older one refuses all, and so every node.
 */
export const settleConfig = (server: SettleServer): string => {
  const { modules, user, secretsFile } = SettleServer.parse(server);
  const general = [
    ...(process.getuid?.() === 0 ? AS_ROOT : ['use chroot = no']),
    'munge symlinks = no',
    'numeric ids = yes',
    'read only = yes',
    'list = no',
    'strict modes = yes',
    `auth users = ${user}`,
    `secrets file = ${secretsFile}`,
    `refuse options = * ${ALLOWED_OPTIONS.map((option) => `!${option}`).join(' ')}`,
    `timeout = ${SILENCE_S}`,
    'dont compress = *',
    'transfer logging = no',
    'log file = /dev/null',
  ];
  const sections = modules.map(({ name, path, hiddenFile }) => [
    `[${name}]`,
    `path = ${path}`,
    `exclude from = ${hiddenFile}`,
  ]);
  return `${[general, ...sections].map((lines) => lines.join('\n')).join('\n\n')}\n`;
};

/** The daemon speaks on its standard input and output, one process for each connection. */
export const settleServerArgs = (configFile: string): string[] => [
  '--server',
  '--daemon',
  `--config=${configFile}`,
  '.',
];
