/** The screens of a machine: every console its kernel writes to, VGA and serial alike. */
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import type { Readable } from 'node:stream';

/** Names of the kernel's consoles: "tty0 ttyS0" (Documentation/ABI/testing/sysfs-tty). */
const ACTIVE = '/sys/class/tty/console/active';

export interface Consoles {
  /** Writes a line to all of them; where there is none, to standard output. */
  write: (line: string) => void;
  /** Their keyboards. */
  inputs: readonly Readable[];
}

export const openConsoles = async (): Promise<Consoles> => {
  const names = (await readFile(ACTIVE, 'utf8')).split(/\s+/).filter(Boolean);
  const open = new Set<WriteStream>();
  const inputs: Readable[] = [];
  for (const name of names) {
    // tty0 is whichever virtual terminal is shown now: tty2 may be, where the shell is.
    const device = `/dev/${name === 'tty0' ? 'tty1' : name}`;
    const stream = createWriteStream(device, { flags: 'w' });
    // A console that is named but not there (no serial port) is one screen less, no more.
    stream.on('error', () => open.delete(stream));
    open.add(stream);
    const input = createReadStream(device);
    input.on('error', () => input.destroy());
    inputs.push(input);
  }
  const write = (line: string): void => {
    if (open.size === 0) process.stdout.write(`${line}\n`);
    for (const stream of open) stream.write(`${line}\n`);
  };
  return { write, inputs };
};
