/**
 * Base of all errors an operator sees. `code` is stable and goes into reports;
 * `message` is one line: what, where, what to do next.
 */
export class NamedError extends Error {
  readonly code: string;
  /** Last lines of the failing command, if one failed. */
  readonly output: string | undefined;

  constructor(
    code: string,
    message: string,
    options: { output?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    this.code = code;
    this.output = options.output;
  }
}
