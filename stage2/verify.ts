/** Step: prove that what is on the disks is what was planned. */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { LOADERS } from '../boot/loaders/loaders.ts';
import { inside, orNull, readInside } from '../system/inside.ts';
import { NamedError } from '../system/named-error.ts';
import { bootFiles } from './boot-references.ts';
import { readBootCode } from './boot-sector.ts';
import { bootDisk } from './bootloader.ts';
import { espProblems } from './esp.ts';
import { isFormatted } from './mkfs.ts';
import {
  type NodeReference,
  nodeReferences,
  probeSignature,
  REFERENCE_TOOLS,
} from './node-references.ts';
import { finished, type Step, type StepContext } from './step.ts';
import { hasSystem } from './system-root.ts';

export const verifyStep: Step = {
  name: 'verify',
  timeoutMs: 5 * 60 * 1000,
  tools: () => REFERENCE_TOOLS,
  run: async (context) => {
    const { plan } = context;
    const references = await nodeReferences(plan, context);
    const checks = ['file systems'];
    const problems = [...(await signatureProblems(references, context))];
    if (await hasSystem(context)) {
      checks.push('fstab', 'boot files', 'identity');
      problems.push(
        ...(await fstabProblems(references, context)),
        ...(await bootFileProblems(references, context)),
        ...(await identityProblems(context)),
      );
      if (plan.bootloader.kind !== 'none') {
        const byUefi = plan.bootloader.firmware === 'uefi';
        checks.push(byUefi ? 'EFI loaders' : 'boot sector');
        problems.push(
          ...(byUefi ? await espProblems(references, context) : await bootSectorProblems(context)),
        );
      }
    }
    if (problems.length > 0) {
      throw new NamedError(
        'VerifyFailed',
        `the clone is not right: ${problems[0]}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}; look at the node's log and clone it again`,
        { output: problems.join('\n') },
      );
    }
    return finished(checks.join(', '));
  },
};

/** Reads each file system's UUID, type and label back from the device. */
const signatureProblems = async (
  references: readonly NodeReference[],
  context: StepContext,
): Promise<string[]> => {
  const problems: string[] = [];
  for (const { partition, device } of references) {
    if (!isFormatted(partition)) continue;
    const { type, uuid, label } = partition.filesystem;
    const found = await probeSignature(device, context);
    const isRight =
      found.TYPE === type &&
      found.UUID?.toLowerCase() === uuid.toLowerCase() &&
      (label === undefined || found.LABEL === label);
    if (!isRight) {
      problems.push(
        `${device} holds ${found.TYPE ?? 'nothing'} ${found.UUID ?? ''}, planned was ${type} ${uuid}`,
      );
    }
  }
  return problems;
};

const fstabProblems = async (
  references: readonly NodeReference[],
  { target }: StepContext,
): Promise<string[]> => {
  const text = (await readInside(target, '/etc/fstab')) ?? '';
  const known = new Set(references.flatMap(({ uuid }) => (uuid ? [uuid.toLowerCase()] : [])));
  const strange = [...text.matchAll(/^\s*UUID="?([\w-]+)"?\s+(\S+)\s+\S+\s+(\S+)/gim)].filter(
    ([, uuid = '', , options = '']) =>
      !known.has(uuid.toLowerCase()) && !options.split(',').includes('noauto'),
  );
  const problems = strange.map(
    ([, uuid, mount]) => `fstab mounts unknown UUID ${uuid} on ${mount}`,
  );
  if (!/^\s*[^#\s]\S*\s+\/\s/m.test(text)) problems.push('fstab has no line for /');
  return problems;
};

/** No golden UUID left, and every kernel and initrd a boot menu names is there. */
const bootFileProblems = async (
  references: readonly NodeReference[],
  { target }: StepContext,
): Promise<string[]> => {
  const goldenIds = references.flatMap(({ partition: { golden }, uuid }) =>
    golden?.uuid && golden.uuid !== uuid ? [golden.uuid.toLowerCase()] : [],
  );
  const problems: string[] = [];
  for (const path of await bootFiles(target)) {
    const text = await readInside(target, path);
    if (text === null) continue;
    for (const id of goldenIds) {
      if (text.toLowerCase().includes(id)) problems.push(`${path} still names the golden's ${id}`);
    }
    for (const image of imagesNamed(text)) {
      if (!(await hasImage(target, image)))
        problems.push(`${path} wants ${image}, which is not there`);
    }
  }
  return problems;
};

/** Kernel and initrd paths of grub ("linux /boot/vmlinuz …"), extlinux ("kernel", "append initrd=") and lilo ("image="). */
const imagesNamed = (text: string): string[] => {
  const named = [
    ...text.matchAll(/^\s*(?:linux|linux16|initrd|initrd16|kernel)\s+(\/\S+)/gim),
    ...text.matchAll(/^\s*(?:image|initrd)\s*=\s*(\/\S+)/gim),
  ];
  return [...new Set(named.flatMap(([, path]) => (path ? [path] : [])))];
};

/** Where /boot is a file system of its own, boot menus leave "/boot" out. */
const hasImage = async (root: string, path: string): Promise<boolean> => {
  for (const candidate of [path, `/boot${path}`]) {
    const found: Stats | null = await orNull(stat(await inside(root, candidate)));
    if (found?.isFile() && found.size > 0) return true;
  }
  return false;
};

const identityProblems = async ({ plan, target }: StepContext): Promise<string[]> => {
  const hostname = (await readInside(target, '/etc/hostname'))?.trim();
  return hostname === plan.hostname
    ? []
    : [`host name is ${hostname ?? 'missing'}, planned was ${plan.hostname}`];
};

const bootSectorProblems = async ({ plan }: StepContext): Promise<string[]> => {
  const { device } = bootDisk(plan);
  const code = await readBootCode(device);
  if (code.every((byte) => byte === 0)) return [`${device} has no boot code in its first sector`];
  const { kind } = plan.bootloader;
  const mark = kind === 'none' ? null : LOADERS[kind].codeMark;
  return mark === null || code.includes(mark)
    ? []
    : [`the boot code of ${device} is not ${kind}'s`];
};
