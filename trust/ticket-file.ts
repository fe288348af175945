/** Where tickets are kept: one file, changed by one process at a time. */
import { join } from 'node:path';
import { z } from 'zod';
import { withLock } from '../system/lock.ts';
import { Mac } from '../system/names.ts';
import { readIfThere } from '../system/read-if-there.ts';
import { replaceFile } from '../system/replace-file.ts';
import { stateDirectory } from '../system/state-directory.ts';

const Ticket = z.object({
  mac: Mac,
  /** SHA-256, hex. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Milliseconds since 1970. */
  made: z.number(),
  used: z.boolean(),
});
export type Ticket = z.infer<typeof Ticket>;

const file = (): string => join(stateDirectory(), 'pxe', 'tickets.json');

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** None where the file is damaged: whoever has a ticket then is shown as a request. */
export const readTickets = (): readonly Ticket[] =>
  z.array(Ticket).safeParse(parsed(readIfThere(file()) ?? '[]')).data ?? [];

/** Changes the tickets while no other process does; returns what `change` says. */
export const updateTickets = <T>(
  change: (tickets: readonly Ticket[]) => { tickets: readonly Ticket[]; result: T },
): T =>
  withLock(`${file()}.lock`, () => {
    const { tickets, result } = change(readTickets());
    replaceFile(file(), `${JSON.stringify(tickets)}\n`);
    return result;
  });
