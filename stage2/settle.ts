/** Step: bring over by rsync what changed on the golden while it was being read. */
import { join } from 'node:path';
import type { StreamPlan } from '../desc/clone-plan.ts';
import { excludedByPlan, rsyncExcludes, XFS_ACLS } from '../streams/exclude.ts';
import { run } from '../system/run.ts';
import { placeInside } from './place-inside.ts';
import { finished, type SettleSource, type Step, type StepContext, skipped } from './step.ts';

const SETTLE_TIMEOUT_MS = 60 * 60 * 1000;

/** rsync's exit status for "some source files vanished before they could be transferred". */
const RSYNC_VANISHED = 24;

/** What does not depend on the file system. */
const commonArgs = (excluded: readonly string[], source: string, directory: string): string[] => [
  '--delete',
  '--one-file-system',
  ...rsyncExcludes(excluded),
  '--stats',
  '--itemize-changes',
  source,
  directory,
];

/**
 * Fat has no owners, modes and links, and its times are of two seconds: a boot
 * file changed within these is told by its contents, and there are few of them.
 */
const FAT_ARGS = ['--recursive', '--times', '--modify-window=2', '--checksum'];

/**
 * Times are compared to the nanosecond (`--modify-window=-1`): a file changed
 * within the second it was read in has the same whole seconds. Sockets, which
 * tar leaves out, come by `--archive`. lost+found belongs to the node's own
 * file system.
 */
const FULL_ARGS = [
  '--archive',
  '--hard-links',
  '--acls',
  '--xattrs',
  '--sparse',
  '--numeric-ids',
  '--modify-window=-1',
  '--filter=protect /lost+found',
  `--filter=-x ${XFS_ACLS}`,
  // rsync's own default, which the rule above replaces.
  '--filter=-x system.*',
];

export const settleStep: Step = {
  name: 'settle',
  timeoutMs: SETTLE_TIMEOUT_MS,
  tools: (plan) => (plan.streams.some(({ kind }) => kind === 'files') ? ['rsync'] : []),
  run: async (context) => {
    const { plan, settle, progress } = context;
    if (!settle) return skipped('no golden to settle with');
    const files = plan.streams.flatMap((stream) =>
      stream.kind === 'files' && stream.mount !== undefined
        ? [{ mount: stream.mount, kindArgs: isFat(context, stream) ? FAT_ARGS : FULL_ARGS }]
        : [],
    );
    if (files.length === 0) return finished('no files were copied');
    const details: string[] = [];
    for (const { mount, kindArgs } of files) {
      progress(mount);
      details.push(`${mount} ${await settleMount(mount, kindArgs, settle, context)}`);
    }
    return finished(details.join(', '));
  },
};

const isFat = ({ plan }: StepContext, stream: StreamPlan): boolean =>
  plan.disks.some(
    (disk) =>
      disk.name === stream.disk &&
      disk.partitions.some(
        ({ number, filesystem }) => number === stream.partition && filesystem?.type === 'vfat',
      ),
  );

/** A node without disks keeps within its directory. */
const placeOf = (plan: StepContext['plan'], target: string, mount: string): string =>
  plan.disks.length === 0 ? placeInside(target, mount) : join(target, mount);

/** Settles one file system; returns what changed, in words. */
const settleMount = async (
  mount: string,
  kindArgs: readonly string[],
  settle: SettleSource,
  { plan, target, log, signal }: StepContext,
): Promise<string> => {
  const args = [
    ...kindArgs,
    ...commonArgs(
      excludedByPlan(plan, mount),
      `${settle.url(mount)}/`,
      `${placeOf(plan, target, mount).replace(/\/$/, '')}/`,
    ),
  ];
  const { stdout, exitCode } = await run('rsync', args, {
    log,
    signal,
    timeoutMs: SETTLE_TIMEOUT_MS,
    env: { RSYNC_PASSWORD: settle.password },
    okExitCodes: [0, RSYNC_VANISHED],
  });
  if (exitCode === RSYNC_VANISHED) log(`${mount}: files vanished on the golden while settling`);
  return changesIn(stdout);
};

/** rsync --stats: "Number of created files: 1,204 (reg: 3, …)". */
const changesIn = (stats: string): string => {
  const count = (what: string): number =>
    Number(
      (new RegExp(`^Number of ${what}: ([\\d,]+)`, 'm').exec(stats)?.[1] ?? '0').replaceAll(
        ',',
        '',
      ),
    );
  const transferred = count('regular files transferred');
  const created = count('created files');
  const deleted = count('deleted files');
  return `${transferred} files changed, ${created} created, ${deleted} deleted`;
};
