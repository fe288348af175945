/** Who follows whom. Pure: members in, orders out. */
import type { ChainOrder } from '../protocol/control.ts';

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

/**
 * The order for each place of a chain, by node number, when `chain` follows
 * the golden in this order.
 */
export const ordersFor = (
  golden: ChainPlace,
  chain: readonly ChainPlace[],
  pass: number,
  epoch: number,
): Map<number, ChainOrder> =>
  new Map(
    chain.map((place, index) => [
      place.node,
      {
        pass,
        epoch,
        upstream: chain[index - 1] ?? golden,
        downstream: chain[index + 1]?.node ?? null,
      },
    ]),
  );

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
