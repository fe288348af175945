/**
 * What a network-booted node is told on its kernel command line: that it is to
 * be cloned (`kamethod`, as in the original), by which golden, for which
 * session, and the fingerprint of the only key it may trust.
 */

export interface BootArguments {
  /** Control link of the golden; undefined = look for a session. */
  golden: { host: string; port: number } | undefined;
  /** Undefined = any session. */
  session: string | undefined;
  /** SHA-256 of the golden's certificate, hex with colons. */
  fingerprint: string | undefined;
}

/** The word on the command line that makes a booted kernel a node. */
export const KAMETHOD = 'kamethod';

/** Words for the kernel command line; unknown ones are left alone by the kernel. */
export const formatBootArguments = ({ golden, session, fingerprint }: BootArguments): string =>
  [
    KAMETHOD,
    ...(golden ? [`ka.golden=${golden.host}:${golden.port}`] : []),
    ...(session === undefined ? [] : [`ka.session=${session}`]),
    ...(fingerprint === undefined ? [] : [`ka.key=${fingerprint}`]),
  ].join(' ');

/** Reads /proc/cmdline. Words of others are skipped; the last of two wins, as in the kernel. */
export const parseBootArguments = (commandLine: string): BootArguments => {
  const words = new Map<string, string>();
  for (const word of commandLine.trim().split(/\s+/)) {
    const [, name, value] = /^ka\.(\w+)=(.+)$/.exec(word) ?? [];
    if (name !== undefined && value !== undefined) words.set(name, value);
  }
  const [, host, port] = /^(.+):(\d+)$/.exec(words.get('golden') ?? '') ?? [];
  return {
    golden: host === undefined ? undefined : { host, port: Number(port) },
    session: words.get('session'),
    fingerprint: words.get('key'),
  };
};
