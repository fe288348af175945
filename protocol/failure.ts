/** A failure as it travels and is reported: a `NamedError` without its stack. */
import { z } from 'zod';
import { NamedError } from '../system/named-error.ts';
import { Line, Name, Output } from './text.ts';

/** Why something failed, in words an operator can act on. */
export const Failure = z.object({
  /** Stable name: "DiskTooSmall", "SinkFailed". */
  code: Name,
  /** One line: what, where, what to do. */
  message: Line,
  /** Last lines of the failing command's output. */
  output: Output.optional(),
});
export type Failure = z.infer<typeof Failure>;

/** Any thrown value as a `Failure`, never losing the name. */
export const toFailure = (error: unknown): Failure => {
  if (error instanceof NamedError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.output === undefined ? {} : { output: error.output }),
    };
  }
  if (error instanceof Error) return { code: error.name, message: error.message };
  return { code: 'UnknownError', message: String(error) };
};
