/** The consoles of a machine: every one its kernel writes to, VGA and serial alike. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import type { Keyboard } from '../ask.ts';
import { keyboardOf } from './keyboard.ts';

/** Names of the kernel's consoles: "tty0 ttyS0" (Documentation/ABI/testing/sysfs-tty). */
const ACTIVE = '/sys/class/tty/console/active';

export interface Consoles {
  /** Writes a line to all of them; where there is none, to standard output. */
  write: (line: string) => void;
  keyboards: readonly Keyboard[];
}

/** Their keyboards are read until `signal` fires. */
export const openConsoles = async (signal: AbortSignal): Promise<Consoles> => {
  const names = (await readFile(ACTIVE, 'utf8')).split(/\s+/).filter(Boolean);
  // tty0 is whichever virtual terminal is shown now: tty2 may be, where the shell is.
  const devices = names.map((name) => `/dev/${name === 'tty0' ? 'tty1' : name}`);
  const open = new Set<WriteStream>();
  for (const device of devices) {
    const stream = createWriteStream(device, { flags: 'w' });
    // A console that is named but not there (no serial port) is one screen less, no more.
    stream.on('error', () => open.delete(stream));
    open.add(stream);
  }
  const write = (line: string): void => {
    if (open.size === 0) process.stdout.write(`${line}\n`);
    for (const stream of open) stream.write(`${line}\n`);
  };
  return { write, keyboards: devices.map((device) => keyboardOf(device, signal)) };
};
