/** Undo list: what was set up last is taken down first, and one failure does not stop the rest. */
export class Cleanup implements AsyncDisposable {
  readonly #tasks: (() => Promise<unknown>)[] = [];

  add(task: () => Promise<unknown>): void {
    this.#tasks.push(task);
  }

  /** Throws an `AggregateError` of everything that could not be undone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (let task = this.#tasks.pop(); task; task = this.#tasks.pop()) {
      await task().catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0)
      throw new AggregateError(errors, `clean-up failed: ${errors.join('; ')}`);
  }
}
