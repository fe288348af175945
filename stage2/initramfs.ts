/** Step: rebuild the initramfs of every kernel with the clone's own tool. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { InitramfsTool, Kernel } from '../boot/initramfs/tool.ts';
import { findInitramfsTool } from '../boot/initramfs/tools.ts';
import {
  comparableModule,
  installedKernels,
  kernelImages,
  kernelModules,
} from '../boot/kernels.ts';
import { inside, readInside, writeInside } from '../system/inside.ts';
import { CLONE_TOOLS, inClone } from './clone-root.ts';
import { finished, type Step, type StepOutcome, skipped } from './step.ts';
import { copiesRoot, hasSystem, NO_SYSTEM } from './system-root.ts';

const BUILD_TIMEOUT_MS = 15 * 60 * 1000;

export const initramfsStep: Step = {
  name: 'initramfs',
  timeoutMs: 30 * 60 * 1000,
  tools: (plan) => (copiesRoot(plan) ? CLONE_TOOLS : []),
  run: async (context): Promise<StepOutcome> => {
    const { plan, target, progress, log } = context;
    if (!(await hasSystem(context))) return skipped(NO_SYSTEM);
    if ((await kernelImages(target)).length === 0)
      return skipped('the clone has no kernel in /boot');
    const tool = await findInitramfsTool(target);
    if (!tool) return skipped('the clone has no tool that builds an initramfs');
    const versions = await installedKernels(target);
    const { initramfsModules: modules, initramfsOptions: options } = plan.bootloader;
    const withModules = modules.length > 0 ? `, with ${modules.join(', ')}` : '';
    const what = `${tool.name} for ${versions.join(', ')}${withModules}`;
    progress(what);
    for (const line of await nameModules(tool, target, modules)) log(line);
    const kernels: Kernel[] = [];
    for (const version of versions) {
      kernels.push({ version, modules: await kernelModules(target, version) });
    }
    await inClone(context, async (clone) => {
      for (const { command, args } of tool.commands(kernels, { modules, options })) {
        await clone.run(command, args, { timeoutMs: BUILD_TIMEOUT_MS });
      }
    });
    return finished(what);
  },
};

/**
 * Names `modules` in the tool's own settings, for the images of later kernels
 * too. What is named already stays as it is: by the golden's admin, or by a
 * cloning before, when the golden is a clone itself. Returns what was done.
 */
export const nameModules = async (
  { modulesFile }: InitramfsTool,
  root: string,
  modules: readonly string[],
): Promise<string[]> => {
  if (!modulesFile || modules.length === 0) return [];
  const { path, line } = modulesFile;
  const before = await readInside(root, path);
  const there = new Set((before ?? '').split('\n').map((one) => comparableModule(one.trim())));
  const added = modules.map(line).filter((one) => !there.has(comparableModule(one)));
  if (added.length === 0) return [];
  const endsOpen = before !== null && before !== '' && !before.endsWith('\n');
  const text = `${before ?? ''}${endsOpen ? '\n' : ''}${added.join('\n')}\n`;
  if (before === null) {
    const place = await inside(root, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, text, { mode: 0o644 });
  } else {
    await writeInside(root, path, text);
  }
  return added.map((one) => `${path}: ${one}`);
};
