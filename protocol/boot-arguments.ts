/**
 * What a network-booted node is told on its kernel command line: that it is to
 * be cloned (`kamethod`, as in the original), by which golden, for which
 * session, the fingerprint of the only key it may trust, and which of its disks
 * the description means.
 */
import { NamedError } from '../system/named-error.ts';

export interface BootArguments {
  /** Control link of the golden; undefined = look for a session. */
  golden: { host: string; port: number } | undefined;
  /** Undefined = any session. */
  session: string | undefined;
  /** SHA-256 of the golden's certificate, hex with colons. */
  fingerprint: string | undefined;
  /** Name in the description → device; undefined = all its disks under their own names. */
  disks: ReadonlyMap<string, string> | undefined;
}

/** The word on the command line that makes a booted kernel a node. */
export const KAMETHOD = 'kamethod';

/** Words for the kernel command line; unknown ones are left alone by the kernel. */
export const formatBootArguments = ({
  golden,
  session,
  fingerprint,
}: Omit<BootArguments, 'disks'>): string =>
  [
    KAMETHOD,
    ...(golden ? [`ka.golden=${golden.host}:${golden.port}`] : []),
    ...(session === undefined ? [] : [`ka.session=${session}`]),
    ...(fingerprint === undefined ? [] : [`ka.key=${fingerprint}`]),
  ].join(' ');

const DISK =
  '[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)?:(?:/dev/)?[A-Za-z0-9][\\w:+@=-]*(?:[./][\\w:+@=-]+)*';
const DISKS = new RegExp(`^${DISK}(?:,${DISK})*$`);

/**
 * Pairs of all `ka.disk=sda:nvme0n1,sdb:nvme1n1`. `disk=` alone counts too, where
 * it looks like that: the word may be somebody else's. Throws `BadBootArgument`,
 * as a node that misread it would write to another disk.
 */
const parseDisks = (words: readonly string[]): ReadonlyMap<string, string> | undefined => {
  const disks = new Map<string, string>();
  for (const word of words) {
    const [, prefix, value = ''] = /^(ka\.)?disk=(.*)$/.exec(word) ?? [];
    const isRight = DISKS.test(value);
    if (!isRight && prefix === undefined) continue;
    const pairs = isRight ? value.split(',') : [];
    for (const pair of pairs) {
      const at = pair.indexOf(':');
      const [name, device] = [pair.slice(0, at), `/dev/${pair.slice(at + 1).replace('/dev/', '')}`];
      const isTaken = disks.has(name) || [...disks.values()].includes(device);
      if (isTaken && disks.get(name) !== device) throw badDisk(word, 'a disk stands there twice');
      disks.set(name, device);
    }
    if (!isRight) throw badDisk(word, 'not a pair of names');
  }
  return disks.size > 0 ? disks : undefined;
};

const badDisk = (word: string, why: string): NamedError =>
  new NamedError(
    'BadBootArgument',
    `${word} on the kernel line: ${why}; write ka.disk=NAME:DEVICE, like ka.disk=sda:nvme0n1`,
  );

/** Reads /proc/cmdline. Words of others are skipped; the last of two wins, as in the kernel. */
export const parseBootArguments = (commandLine: string): BootArguments => {
  const words = new Map<string, string>();
  const line = commandLine.trim().split(/\s+/);
  for (const word of line) {
    const [, name, value] = /^ka\.(\w+)=(.+)$/.exec(word) ?? [];
    if (name !== undefined && value !== undefined) words.set(name, value);
  }
  const [, host, port] = /^(.+):(\d+)$/.exec(words.get('golden') ?? '') ?? [];
  return {
    golden: host === undefined ? undefined : { host, port: Number(port) },
    session: words.get('session'),
    fingerprint: words.get('key'),
    disks: parseDisks(line),
  };
};
