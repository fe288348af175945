/** Says when a long step starts, that it is still going, and how long it took. */

export type Say = (line: string) => void;

const STILL_GOING_MS = 10_000;

const secondsSince = (startMs: number): number => (Date.now() - startMs) / 1000;

/** Runs one step of the demo. Telling of a failure is left to the caller. */
export const step = async <T>(say: Say, title: string, work: () => Promise<T>): Promise<T> => {
  const start = Date.now();
  const timer = setInterval(
    () => say(`${title}: ${secondsSince(start).toFixed(0)} s so far`),
    STILL_GOING_MS,
  );
  try {
    return await stepThatShows(say, title, work);
  } finally {
    clearInterval(timer);
  }
};

/** A step that shows on the same terminal how it goes, where other lines would disturb it. */
export const stepThatShows = async <T>(
  say: Say,
  title: string,
  work: () => Promise<T>,
): Promise<T> => {
  const start = Date.now();
  say(`${title} …`);
  const result = await work();
  say(`${title}: done in ${secondsSince(start).toFixed(1)} s`);
  return result;
};
