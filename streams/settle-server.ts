/** The golden's side of settling: rsync's daemon on one authenticated connection at a time. */

export interface SettleModule {
  /** As made by `settleModuleName`. */
  name: string;
  /** Absolute directory on the golden. */
  path: string;
}

export interface SettleServer {
  modules: readonly SettleModule[];
  /** User names that may come in, one for each node. */
  users: readonly string[];
  /** File with "user:password" lines; owner root, mode 0600, or rsync refuses it. */
  secretsFile: string;
}

/** Name of the module of a mount point; module names cannot hold slashes. "/" → "mount-2f". */
export const settleModuleName = (mount: string): string =>
  `mount-${Buffer.from(mount).toString('hex')}`;

const AS_ROOT = ['uid = 0', 'gid = 0', 'use chroot = yes'];

/**
 * Text of an rsyncd.conf(5) that lets the listed users read, and nothing else.
 *
 * `munge symlinks` would prefix every symbolic link that is copied, and is on
 * by default without chroot. Numeric ids because the clone has the golden's
 * own users. No log file: what fails is said to the client.
 */
export const settleConfig = ({ modules, users, secretsFile }: SettleServer): string => {
  const general = [
    ...(process.getuid?.() === 0 ? AS_ROOT : ['use chroot = no']),
    'munge symlinks = no',
    'numeric ids = yes',
    'read only = yes',
    'list = no',
    'strict modes = yes',
    `auth users = ${users.join(' ')}`,
    `secrets file = ${secretsFile}`,
    'dont compress = *',
    'transfer logging = no',
    'log file = /dev/null',
  ];
  const sections = modules.map(({ name, path }) => [`[${name}]`, `path = ${path}`]);
  return `${[general, ...sections].map((lines) => lines.join('\n')).join('\n\n')}\n`;
};

/** The daemon speaks on its standard input and output, one process for each connection. */
export const settleServerArgs = (configFile: string): string[] => [
  '--server',
  '--daemon',
  `--config=${configFile}`,
  '.',
];
