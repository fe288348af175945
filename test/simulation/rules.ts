/** The decisions of the data plane that a run is made with; tests replace one to see that it is missed. */
import { DEFAULT_REDUNDANCY } from '../../protocol/constants.ts';
import { DownstreamBook } from '../../relay/downstream-book.ts';
import { forgettable } from '../../relay/hop-rules.ts';

export interface Rules {
  newBook(): DownstreamBook;
  forgettable(verified: number, drained: number, floor: number): number;
}

export const realRules: Rules = {
  newBook: () => new DownstreamBook(DEFAULT_REDUNDANCY),
  forgettable,
};
