/** One line when a long step starts, one when it ends: what, and how long it took. */

export type Say = (line: string) => void;

export const seconds = (sinceMs: number): string =>
  `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Runs one step of the demo and says so. The word for a failure is the caller's to print. */
export const step = async <T>(say: Say, title: string, work: () => Promise<T>): Promise<T> => {
  const since = Date.now();
  say(`${title} …`);
  const result = await work();
  say(`${title}: done in ${seconds(since)}`);
  return result;
};
