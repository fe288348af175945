/**
 * What a network-booted node is told on its kernel command line: that it is to
 * be cloned (`kamethod`, as in the original), by which golden, for which
 * session, the only key it may trust, what lets it in, and which of its disks
 * the description means. Others may write such lines, so each value is checked.
 */
import { NamedError } from '../system/named-error.ts';
import { HostName, IpAddress, Port, SessionName } from '../system/names.ts';
import { printable } from '../system/printable.ts';
import { parseJoinString } from '../trust/join-string.ts';
import { Pin } from '../trust/pin.ts';
import { Secret } from '../trust/secret.ts';

export interface BootArguments {
  /** Control link of the golden; undefined = look for a session. */
  golden: { host: string; port: number } | undefined;
  /** Undefined = any session. */
  session: string | undefined;
  /** Of the golden's key; undefined = whoever the operator confirms. */
  pin: string | undefined;
  /** Made for this machine and this boot. */
  ticket: string | undefined;
  /** Of a join string. */
  token: string | undefined;
  /** Joins sessions that take anybody. */
  open: boolean;
  /** The line was made by an older ka: it has a key of another form. */
  outdated: boolean;
  /** Name in the description → device; undefined = all its disks under their own names. */
  disks: ReadonlyMap<string, string> | undefined;
}

/** The word on the command line that makes a booted kernel a node. */
export const KAMETHOD = 'kamethod';

/** Words for the kernel command line; unknown ones are left alone by the kernel. */
export const formatBootArguments = ({
  golden,
  session,
  pin,
  ticket,
}: Pick<BootArguments, 'golden' | 'session' | 'pin' | 'ticket'>): string =>
  [
    KAMETHOD,
    ...(golden ? [`ka.golden=${golden.host}:${golden.port}`] : []),
    ...(session === undefined ? [] : [`ka.session=${session}`]),
    ...(pin === undefined ? [] : [`ka.key=${pin}`]),
    ...(ticket === undefined ? [] : [`ka.ticket=${ticket}`]),
  ].join(' ');

/** SHA-256 in hex with colons, as it was in protocol 2 and before. */
const OLD_KEY = /^(?:[0-9a-f]{2}:){31}[0-9a-f]{2}$/i;

const hostAndPort = (text: string): BootArguments['golden'] => {
  const [, host, digits] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(text) ?? [];
  const known = IpAddress.safeParse(host).data ?? HostName.safeParse(host).data;
  const port = Port.safeParse(Number(digits)).data;
  return known === undefined || port === undefined ? undefined : { host: known, port };
};

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
    `${printable(word)} on the kernel line: ${why}; write ka.disk=NAME:DEVICE, like ka.disk=sda:nvme0n1`,
  );

/**
 * Reads /proc/cmdline. Words of others are skipped; the last of two wins, as in
 * the kernel. Throws `BadJoin` and `BadBootArgument`.
 */
export const parseBootArguments = (commandLine: string): BootArguments => {
  const words = new Map<string, string>();
  const line = commandLine.trim().split(/\s+/);
  for (const word of line) {
    const [, name, value] = /^ka\.(\w+)=(.+)$/.exec(word) ?? [];
    if (name !== undefined && value !== undefined) words.set(name, value);
  }
  const text = words.get('join');
  const join = text === undefined ? undefined : parseJoinString(text);
  const key = words.get('key');
  return {
    golden: join ?? hostAndPort(words.get('golden') ?? ''),
    session: SessionName.safeParse(words.get('session')).data,
    pin: join?.pin ?? Pin.safeParse(key).data,
    ticket: Secret.safeParse(words.get('ticket')).data,
    token: join?.token,
    open: words.get('admit') === 'open',
    outdated: key !== undefined && OLD_KEY.test(key),
    disks: parseDisks(line),
  };
};
