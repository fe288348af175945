import { toFailure } from '../../protocol/failure.ts';
import { type Labels, withoutDeadSession } from './labels.ts';
import { readLabels, updateLabels } from './labels-store.ts';

/**
 * The labels for one that serves: serving must not end because somebody edits
 * labels.json. What counted last goes on to count until that is put right.
 */
export class KnownLabels {
  readonly #say: (line: string) => void;
  #last: Labels;
  #told = '';

  /** `say` hears of a damaged file, once. Throws `BadLabels` when it is damaged at the beginning. */
  constructor(say: (line: string) => void) {
    this.#say = say;
    this.#last = updateLabels();
  }

  /** What counts now. */
  now = (): Labels => this.#take(readLabels);

  /** The same, and a session that died is ended. */
  settle = (): Labels => this.#take(() => updateLabels());

  #take(read: () => Labels): Labels {
    try {
      this.#last = read();
      this.#told = '';
    } catch (error) {
      const { message } = toFailure(error);
      if (message !== this.#told) this.#say(`trouble: ${message}`);
      this.#told = message;
      this.#last = withoutDeadSession(this.#last);
    }
    return this.#last;
  }
}
