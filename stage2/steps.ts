/** What is done to a node, in order. */
import { bootloaderStep } from './bootloader.ts';
import { checkDiskStep } from './check-disk.ts';
import { checkToolsStep } from './check-tools.ts';
import { formatStep } from './format.ts';
import { fsckStep } from './fsck.ts';
import { fstabStep } from './fstab.ts';
import { directoryIdentityStep, identityStep } from './identity.ts';
import { initramfsStep } from './initramfs.ts';
import { mountRawStep, mountStep } from './mount.ts';
import { partitionStep } from './partition.ts';
import { phoneHomeStep } from './phone-home.ts';
import { settleStep } from './settle.ts';
import type { Step } from './step.ts';
import { unmountStep } from './unmount.ts';
import { verifyStep } from './verify.ts';

const toDisks: readonly Step[] = [checkDiskStep, partitionStep, formatStep, mountStep];

/** After the streams. */
export const finishSteps: readonly Step[] = [
  settleStep,
  mountRawStep,
  identityStep,
  phoneHomeStep,
  fstabStep,
  initramfsStep,
  bootloaderStep,
  verifyStep,
  unmountStep,
  fsckStep,
];

/** Before the streams. */
export const prepareSteps: readonly Step[] = [
  checkToolsStep([...toDisks, ...finishSteps]),
  ...toDisks,
];

/** After the streams, on a node that clones into a directory: nothing there will boot. */
export const directoryFinishSteps: readonly Step[] = [settleStep, directoryIdentityStep];

/** Before them, there. */
export const directoryPrepareSteps: readonly Step[] = [checkToolsStep(directoryFinishSteps)];
