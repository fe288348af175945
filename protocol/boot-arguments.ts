/**
 * What a network-booted node is told on its kernel command line: that it is to
 * be cloned (`kamethod`, as in the original), by which golden, for which
 * session, the only key it may trust, and what lets it in. Others may write
 * such lines, so each value is checked.
 */
import { HostName, IpAddress, Port, SessionName } from '../system/names.ts';
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

/** Reads /proc/cmdline. Words of others are skipped; the last of two wins, as in the kernel. Throws `BadJoin`. */
export const parseBootArguments = (commandLine: string): BootArguments => {
  const words = new Map<string, string>();
  for (const word of commandLine.trim().split(/\s+/)) {
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
  };
};
