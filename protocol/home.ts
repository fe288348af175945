/**
 * How a clone says, once, that it runs from its own disk: one line of text over
 * plain TCP, because a minimal system must be able to send it.
 *
 *   node   → `ka-home TOKEN TEXT\n`   TEXT: host name and boot id
 *   golden → `ok\n` or `unknown\n`
 */
import { z } from 'zod';
import { IpAddress, Port } from '../system/names.ts';
import { printable } from '../system/printable.ts';

/** Where a clone calls, and what it says to be known. */
export const HomeCall = z.object({
  /** Address of the golden, as the node reaches it. */
  host: IpAddress,
  port: Port,
  /** 16 random bytes in hex, of this node and session only. */
  token: z.string().regex(/^[0-9a-f]{32}$/),
});
export type HomeCall = z.infer<typeof HomeCall>;

/** Longest line, its end included, in bytes. */
export const MAX_HOME_LINE_BYTES = 512;

/** The step that makes a clone call. Skipped: it will not, and nobody must wait for it. */
export const PHONE_HOME = 'phone home';

export const HOME_WORD = 'ka-home';

/** What the golden answers; either ends the calling. */
export const HOME_REPLIES = { known: 'ok', unknown: 'unknown' } as const;

const LINE = /^ka-home ([0-9a-f]{32}) (\S.*)$/;

/** The token and the text, printable, of a line without its end; undefined when it is none. */
export const parseHomeLine = (line: string): { token: string; text: string } | undefined => {
  const [, token, text] = LINE.exec(line.trimEnd()) ?? [];
  return token === undefined || text === undefined ? undefined : { token, text: printable(text) };
};
