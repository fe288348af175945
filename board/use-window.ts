import { useRef } from 'react';

/**
 * First visible row of a window of `lines` over `total` rows. It moves only as
 * far as it must to keep row `at` in sight (−1 = no row), so that rows stay put.
 */
export const useWindow = (at: number, total: number, lines: number): number => {
  const top = useRef(0);
  let next = Math.min(top.current, Math.max(0, total - lines));
  if (at >= 0 && at < next) next = at;
  if (at >= next + lines) next = at - lines + 1;
  top.current = next;
  return next;
};
