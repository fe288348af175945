/**
 * QEMU's machine protocol (docs/interop/qmp-spec): one JSON object a line, over
 * the standard input and output of the process.
 */
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { eachLine } from './growing-file.ts';

const Answer = z.object({
  event: z.string().optional(),
  error: z.object({ desc: z.string() }).optional(),
});

export interface Qmp {
  /** `system_powerdown`, `quit` and such; QEMU's answer comes as an event if at all. */
  execute: (command: string) => void;
}

/** `onEvent` hears RESET, SHUTDOWN, POWERDOWN …; `onError` what QEMU would not do. */
export const speakQmp = (
  from: Readable,
  to: Writable,
  { onEvent, onError }: { onEvent: (name: string) => void; onError: (why: string) => void },
): Qmp => {
  const execute = (command: string) => {
    to.write(`${JSON.stringify({ execute: command })}\n`);
  };
  from.setEncoding('utf8').on(
    'data',
    eachLine((line) => {
      const { event, error } = Answer.parse(JSON.parse(line));
      if (event !== undefined) onEvent(event);
      if (error !== undefined) onError(error.desc);
    }),
  );
  // Nothing else is understood before this.
  execute('qmp_capabilities');
  return { execute };
};
