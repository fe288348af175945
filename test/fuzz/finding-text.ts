import type { Finding } from './target.ts';

/** What did not hold, the smallest case of it, and how to see it again. */
export const findingText = ({ target, seed, cases, example, error }: Finding): string =>
  [
    `${target} does not hold for`,
    example.length > 20_000 ? `${example.slice(0, 20_000)}… (${example.length} letters)` : example,
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    `seed of these ${cases} cases: ${seed}`,
  ].join('\n');
