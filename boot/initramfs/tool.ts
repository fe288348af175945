/** What is known of a program that builds initramfs images. */
import type { BootFiles } from '../boot-files.ts';
import type { KernelModules } from '../kernels.ts';
import type { Part } from '../part.ts';

/** Modules and options for the images, as given with `-r` behind the loader's name. */
export interface InitramfsWishes {
  /** Kernel modules to be in every image (`--with`). */
  modules: readonly string[];
  /** Arguments for the tool, as they are. */
  options: readonly string[];
}

export interface Kernel {
  version: string;
  modules: KernelModules;
}

export interface ToolCommand {
  command: string;
  args: string[];
}

export interface ToolOption {
  /** `-v`, `--verbose`. */
  names: readonly string[];
  /** What follows it, or stands behind "="; absent = nothing does. */
  value?: 'kernel module' | 'text';
}

export interface InitramfsTool {
  name: string;
  /** A system that has all of these uses it. */
  parts: readonly Part[];
  /** Options that change what an image has in it; where it lies and for which kernel is not for `-r` to say. */
  options: readonly ToolOption[];
  /**
   * Where modules are named to it, so that images made later have them too,
   * and the line that does it. Absent: only its arguments can.
   */
  modulesFile?: { path: string; line: (module: string) => string };
  /** The commands that build the images of all kernels anew. */
  commands(kernels: readonly Kernel[], wishes: InitramfsWishes): ToolCommand[];
  /** Its settings, which may name disks. */
  bootFiles: BootFiles;
}
