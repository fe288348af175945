/** Holds the current view and tells the screen of changes, but not of each single one. */
import { emptyView, reduceView, type SessionView } from './session-view.ts';
import type { Subscribe } from './subscribe.ts';

export class ViewStore {
  #view: SessionView = emptyView;
  /** The view last given to the screen. */
  #shown: SessionView = emptyView;
  #timer: NodeJS.Timeout | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #unsubscribe: () => void;
  readonly #intervalMs: number;

  /** `intervalMs`: the screen hears of changes at most once in this time. */
  constructor(subscribe: Subscribe, intervalMs: number) {
    this.#intervalMs = intervalMs;
    this.#unsubscribe = subscribe((event) => {
      this.#view = reduceView(this.#view, event);
      this.#timer ??= setTimeout(this.#show, this.#intervalMs);
    });
  }

  /** The view with every event so far. */
  get latest(): SessionView {
    return this.#view;
  }

  /** The view to draw; the same object until listeners have been told. */
  readonly shown = (): SessionView => this.#shown;

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  close(): void {
    this.#unsubscribe();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  readonly #show = (): void => {
    this.#timer = null;
    this.#shown = this.#view;
    for (const listener of this.#listeners) listener();
  };
}
