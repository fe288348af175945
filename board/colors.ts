/** The three colours of the board. They only repeat what signs and words already say. */
import type { NodeView } from './node-view.ts';

export const ACCENT = 'cyan';
export const WARNING = 'yellow';
export const ERROR = 'red';

/** Properties of a `Text`; empty = the terminal's own colour. */
export interface Paint {
  color?: string;
}

const LEVELS = { info: {}, warning: { color: WARNING }, error: { color: ERROR } } as const;

/** Colour for a level of happening. */
export const levelPaint = (level: keyof typeof LEVELS): Paint => LEVELS[level];

/** Colour for a node's state. */
export const nodePaint = ({ state }: NodeView): Paint => {
  if (state === 'done' || state === 'booted') return { color: ACCENT };
  if (state === 'bypassed') return { color: WARNING };
  return state === 'failed' || state === 'lost' || state === 'refused' ? { color: ERROR } : {};
};
