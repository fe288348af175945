/** The node's own host name in place of the golden's. */
import { existsInside, readInside, writeInside } from '../system/inside.ts';
import { NamedError } from '../system/named-error.ts';
import { isHostName } from '../system/names.ts';

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * The name as a whole word: "golden" and "golden.example.org", but not
 * "golden2", "my-golden" or "other.golden".
 */
const wholeName = (name: string): RegExp =>
  new RegExp(`(?<![\\w.-])${escapeRegExp(name)}(?![\\w-])`, 'g');

/** Replaces `from` by `to` in the text of /etc/hosts, comments included. */
export const renameInHosts = (text: string, from: string, to: string): string =>
  from === '' || from === 'localhost' ? text : text.replace(wholeName(from), () => to);

/**
 * Writes the host name where the clone keeps it; returns what was done, in words.
 * Throws `BadHostName`: some of these files are read by shells.
 */
export const renameHost = async (
  root: string,
  { from, to }: { from: string; to: string },
): Promise<string> => {
  if (!isHostName(to)) {
    const message = `"${to}" is no host name (RFC 1123); correct the node list, or ka agent --name`;
    throw new NamedError('BadHostName', message);
  }
  const changed = ['/etc/hostname'];
  await writeInside(root, '/etc/hostname', `${to}\n`);
  // The older place: SUSE's, Slackware's.
  if (await existsInside(root, '/etc/HOSTNAME')) {
    await writeInside(root, '/etc/HOSTNAME', `${to}\n`);
    changed.push('/etc/HOSTNAME');
  }
  const edits: readonly (readonly [string, (text: string) => string])[] = [
    ['/etc/hosts', (text) => renameInHosts(text, from, to)],
    ['/etc/mailname', (text) => renameInHosts(text, from, to)],
    // Red Hat's and Mandriva's place.
    ['/etc/sysconfig/network', (text) => text.replace(/^HOSTNAME=.*$/m, () => `HOSTNAME=${to}`)],
  ];
  for (const [path, edit] of edits) {
    const before = await readInside(root, path);
    if (before === null) continue;
    const after = edit(before);
    if (after === before) continue;
    await writeInside(root, path, after);
    changed.push(path);
  }
  return `host name ${to} (${changed.join(', ')})`;
};
