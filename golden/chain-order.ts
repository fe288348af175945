/** Who follows whom. Pure: members in, orders out. */
import type { ChainOrder, LinkPeer } from '../protocol/control.ts';

export interface ChainPlace {
  node: number;
  host: string;
  port: number;
}

/**
 * Who follows whom in a pass: by address, because neighbours there are often
 * neighbours in the network. In each second pass no two of these are: of two
 * nodes that cannot hear each other the lower one would miss every pass.
 */
export const inOrderOf = <T>(pass: number, byAddress: readonly T[]): T[] => {
  if (pass % 2 === 1) return [...byAddress];
  const [even, odd] = [0, 1].map((rest) => byAddress.filter((_, index) => index % 2 === rest));
  return [...(odd ?? []), ...(even ?? [])];
};

/** What all orders of one decision have in common. */
export interface OrderTerms {
  pass: number;
  epoch: number;
  /** Key of the link between two nodes. */
  keyOf: (upstream: number, downstream: number) => string;
}

/** Who dials a place, with the key of that link; null when nobody is behind it. */
const peerBehind = (
  place: ChainPlace,
  next: ChainPlace | undefined,
  keyOf: OrderTerms['keyOf'],
): LinkPeer | null => (next ? { node: next.node, key: keyOf(place.node, next.node) } : null);

/**
 * What to tell when `chain` follows the golden in this order: `first`, who dials
 * the golden, and the order for each place, by node number.
 */
export const ordersFor = (
  golden: ChainPlace,
  chain: readonly ChainPlace[],
  { pass, epoch, keyOf }: OrderTerms,
): { first: LinkPeer | null; orders: Map<number, ChainOrder> } => ({
  first: peerBehind(golden, chain[0], keyOf),
  orders: new Map(
    chain.map((place, index) => {
      const upstream = chain[index - 1] ?? golden;
      const key = keyOf(upstream.node, place.node);
      const downstream = peerBehind(place, chain[index + 1], keyOf);
      return [place.node, { pass, epoch, upstream: { ...upstream, key }, downstream }];
    }),
  ),
});

/** Nodes whose neighbours differ between two chains; only they need a new order. */
export const affectedBy = (
  before: readonly ChainPlace[],
  after: readonly ChainPlace[],
): number[] => {
  const neighbours = (chain: readonly ChainPlace[]) =>
    new Map(
      chain.map(({ node }, index) => [node, `${chain[index - 1]?.node}>${chain[index + 1]?.node}`]),
    );
  const old = neighbours(before);
  return [...neighbours(after)]
    .filter(([node, key]) => old.get(node) !== key)
    .map(([node]) => node);
};
