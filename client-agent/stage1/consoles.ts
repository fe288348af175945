/** The screens of a machine: every console its kernel writes to, VGA and serial alike. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import process from 'node:process';

/** Names of the kernel's consoles: "tty0 ttyS0" (Documentation/ABI/testing/sysfs-tty). */
const ACTIVE = '/sys/class/tty/console/active';

/** Returns a function that writes a line to all consoles; where there is none, to standard output. */
export const openConsoles = async (): Promise<(line: string) => void> => {
  const names = (await readFile(ACTIVE, 'utf8')).split(/\s+/).filter(Boolean);
  const open = new Set<WriteStream>();
  for (const name of names) {
    // tty0 is whichever virtual terminal is shown now: tty2 may be, where the shell is.
    const device = name === 'tty0' ? 'tty1' : name;
    const stream = createWriteStream(`/dev/${device}`, { flags: 'w' });
    // A console that is named but not there (no serial port) is one screen less, no more.
    stream.on('error', () => open.delete(stream));
    open.add(stream);
  }
  return (line) => {
    if (open.size === 0) process.stdout.write(`${line}\n`);
    for (const stream of open) stream.write(`${line}\n`);
  };
};
