import { useEffect, useState } from 'react';

/** The time now (milliseconds since 1970), renewed once a second so that clocks on the board run. */
export const useNow = (now: () => number): number => {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => setTime(now()), 1000);
    return () => clearInterval(timer);
  }, [now]);
  // An event may be newer than the last tick.
  return Math.max(time, now());
};
