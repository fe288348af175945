/** New ssh host keys of the same types as the golden's. */
import { unlink } from 'node:fs/promises';
import { toFailure } from '../protocol/failure.ts';
import { entryInside, existsInside, listInside } from '../system/inside.ts';
import { run } from '../system/run.ts';
import type { CloneRoot } from './clone-root.ts';
import type { StepContext } from './step.ts';

const DIRECTORY = '/etc/ssh';
const HOST_KEY = /^ssh_host_(?:(.+)_)?key$/;

/**
 * Removes every host key of the golden first, then makes new ones with the
 * clone's ssh-keygen, or the node's where the clone has none or cannot run
 * (null). A key type
 * today's ssh-keygen refuses (dsa) stays removed and is named.
 */
export const renewHostKeys = async (
  clone: CloneRoot | null,
  context: StepContext,
): Promise<string> => {
  const { target, log, signal } = context;
  const names = await listInside(target, DIRECTORY);
  const keys = names.flatMap((name) => {
    const found = HOST_KEY.exec(name);
    // Protocol 1's single key is without a type; nothing makes it any more.
    return found ? [{ name, type: found[1] ?? 'rsa1' }] : [];
  });
  if (keys.length === 0) return 'no ssh host keys';
  for (const name of names.filter((candidate) => candidate.startsWith('ssh_host_'))) {
    await unlink(await entryInside(target, `${DIRECTORY}/${name}`));
  }
  const made: string[] = [];
  const notMade: string[] = [];
  for (const { name, type } of keys) {
    try {
      await makeKey(clone, `${DIRECTORY}/${name}`, type, context);
      made.push(type);
    } catch (error) {
      if (signal.aborted) throw error;
      log(`ssh host key ${type}: ${toFailure(error).message}`);
      notMade.push(type);
    }
  }
  const missing = notMade.length > 0 ? `, removed without a new one: ${notMade.join(', ')}` : '';
  return `new ssh host keys ${made.join(', ') || 'none'}${missing}`;
};

const makeKey = async (
  clone: CloneRoot | null,
  path: string,
  type: string,
  { target, plan, log, signal }: StepContext,
): Promise<void> => {
  const argsFor = (file: string): string[] => [
    ...['-q', '-t', type, '-N', '', '-C', `root@${plan.hostname}`, '-f', file],
  ];
  if (clone && (await hasKeygen(target))) await clone.run('ssh-keygen', argsFor(path));
  else await run('ssh-keygen', argsFor(await entryInside(target, path)), { log, signal });
};

const hasKeygen = (root: string): Promise<boolean> => existsInside(root, '/usr/bin/ssh-keygen');
