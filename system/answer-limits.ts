/**
 * How often a stranger is answered who asks by datagram: his address may not be
 * his own, so whoever has it must not be flooded with answers.
 */

interface Pace {
  /** So many at once … */
  burst: number;
  /** … and so many in a second from then on. */
  perSecond: number;
}

export interface AnswerPaces {
  perAddress: Pace;
  total: Pace;
}

/** A cup that holds `burst` answers and is filled up with time. */
interface Cup {
  left: number;
  sinceMs: number;
}

/** Addresses remembered at once. One that is forgotten has its burst again; `total` holds all the same. */
const ADDRESSES = 4096;

const fill = (cup: Cup | undefined, { burst, perSecond }: Pace, nowMs: number): Cup => {
  const { left, sinceMs } = cup ?? { left: burst, sinceMs: nowMs };
  return {
    left: Math.min(burst, left + (Math.max(0, nowMs - sinceMs) * perSecond) / 1000),
    sinceMs: nowMs,
  };
};

/** Returns a function that says whether this address is answered now, and counts it when it is. */
export const answerLimits = (paces: AnswerPaces): ((address: string) => boolean) => {
  const cups = new Map<string, Cup>();
  let all: Cup | undefined;
  return (address) => {
    const nowMs = performance.now();
    all = fill(all, paces.total, nowMs);
    const own = fill(cups.get(address), paces.perAddress, nowMs);
    cups.delete(address);
    const [oldest] = cups.keys();
    if (cups.size >= ADDRESSES && oldest !== undefined) cups.delete(oldest);
    cups.set(address, own);
    if (own.left < 1 || all.left < 1) return false;
    own.left -= 1;
    all.left -= 1;
    return true;
  };
};
