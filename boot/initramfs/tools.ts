/** The initramfs tools that are known. */
import { missingParts } from '../part.ts';
import { dracut } from './dracut.ts';
import { initramfsTools } from './initramfs-tools.ts';
import { mkinitcpio } from './mkinitcpio.ts';
import { mkinitrd } from './mkinitrd.ts';
import type { InitramfsTool } from './tool.ts';

/** In order of trust: where several are installed, the first is the one the system uses. */
export const INITRAMFS_TOOLS: readonly InitramfsTool[] = [
  initramfsTools,
  dracut,
  mkinitcpio,
  mkinitrd,
];

/** The one the system in `root` uses, or null. */
export const findInitramfsTool = async (root: string): Promise<InitramfsTool | null> => {
  for (const tool of INITRAMFS_TOOLS) {
    if ((await missingParts(root, tool.parts)).length === 0) return tool;
  }
  return null;
};
