/**
 * How often something is done for strangers. Who asks by datagram may have
 * written any sender's address, and whoever that is must not be flooded with
 * answers; what a machine does is told in lines, which must not fill a disk.
 */

import { peerPlace } from './plain-address.ts';

interface Pace {
  /** So many at once … */
  burst: number;
  /** … and so many in a second from then on. */
  perSecond: number;
}

export interface Rations {
  perAddress: Pace;
  total: Pace;
}

/** Holds `burst` times and is filled up as time goes by. */
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

/** Returns a function that says whether it is done for this address now, and counts it when it is. */
export const rations = (paces: Rations): ((address: string) => boolean) => {
  const cups = new Map<string, Cup>();
  let all: Cup | undefined;
  return (from) => {
    const address = peerPlace(from);
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
