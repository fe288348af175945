/** Who dnsmasq runs as: nobody of importance, with what DHCP and low ports need. */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { NamedError } from '../../system/named-error.ts';
import { run } from '../../system/run.ts';

export interface DnsmasqUser {
  name: string;
  uid: string;
  gid: string;
}

/** Debian's package brings the first one; the other is everywhere. */
const NAMES = ['dnsmasq', 'nobody'];

/** Ports below 1024, the ARP table (answers to machines without an address), ping. */
const CAPABILITIES = '-all,+net_bind_service,+net_admin,+net_raw';

/** Throws `NoUser` where there is none of them. */
export const findDnsmasqUser = async (signal: AbortSignal): Promise<DnsmasqUser> => {
  for (const name of NAMES) {
    const options = { signal, okExitCodes: [0, 1] };
    const [uid, gid] = await Promise.all([
      run('id', ['-u', name], options),
      run('id', ['-g', name], options),
    ]);
    if (uid.exitCode === 0 && gid.exitCode === 0) {
      return { name, uid: uid.stdout.trim(), gid: gid.stdout.trim() };
    }
  }
  const message = `this machine has no user to run dnsmasq as (${NAMES.join(', ')}); add one of them`;
  throw new NamedError('NoUser', message);
};

/**
 * The command line that runs this command as that user, and ends it when we end,
 * also when this process is killed: it is asked for after the change of user,
 * which would take it away, and before the command.
 */
export const asDnsmasqUser = (
  { uid, gid }: DnsmasqUser,
  command: readonly string[],
): [string, ...string[]] => {
  const identity = ['--reuid', uid, '--regid', gid, '--clear-groups', '--no-new-privs'];
  const caps = ['--bounding-set', '--inh-caps', '--ambient-caps'].flatMap((option) => [
    option,
    CAPABILITIES,
  ]);
  return ['setpriv', ...identity, ...caps, '--pdeathsig', 'TERM', ...command];
};

/** The first directory above `path` that others may not pass; undefined = its own mode is what keeps them out. */
const closedAbove = (path: string): string | undefined => {
  const above = dirname(path);
  if (above === path) return undefined;
  return closedAbove(above) ?? ((lstatSync(above).mode & 0o001) === 0 ? above : undefined);
};

/** Throws `NotReachable` when that user cannot read one of these files. */
export const checkReadable = async (
  user: DnsmasqUser,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> => {
  for (const path of paths) {
    const [command, ...args] = asDnsmasqUser(user, ['test', '-r', path]);
    const { exitCode } = await run(command, args, { signal, okExitCodes: [0, 1] });
    if (exitCode === 0) continue;
    const closed = closedAbove(path);
    const why = closed === undefined ? 'correct its mode' : `${closed} lets nobody else pass`;
    throw new NamedError(
      'NotReachable',
      `user ${user.name}, as whom dnsmasq runs, cannot read ${path}: ${why}; chmod o+x it, or set KA_STATE_DIR to a directory elsewhere`,
    );
  }
};
