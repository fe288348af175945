/** The middle of the values, or the mean of the two in the middle. NaN when there are none. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  const low = sorted[middle - 1] ?? high;
  return sorted.length % 2 === 0 ? (low + high) / 2 : high;
};
