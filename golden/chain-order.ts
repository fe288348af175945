/** Who follows whom. Pure: members in, orders out. */
import type { ChainOrder } from '../protocol/control.ts';

export interface ChainPlace {
  node: number;
  host: string;
  port: number;
}

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
