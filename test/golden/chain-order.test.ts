import { describe, expect, test } from '@jest/globals';
import { affectedBy, inOrderOf, ordersFor } from '../../golden/chain-order.ts';

const place = (node: number) => ({ node, host: `10.0.0.${node}`, port: 30764 });
const golden = { node: 0, host: '', port: 30764 };

test('no neighbours of one pass are neighbours in the next, where there are enough nodes', () => {
  const all = [1, 2, 3, 4, 5, 6];
  expect(inOrderOf(1, all)).toEqual(all);
  expect(inOrderOf(2, all)).toEqual([2, 4, 6, 1, 3, 5]);
  expect(inOrderOf(3, all)).toEqual(all);
  expect(inOrderOf(2, [1])).toEqual([1]);
});

const keyOf = (upstream: number, downstream: number) => `${upstream}-${downstream}`;
const terms = { pass: 4, epoch: 7, keyOf };

describe('orders of a chain', () => {
  test('each node reads from the one before it, the first from the golden', () => {
    const { first, orders } = ordersFor(golden, [place(2), place(1), place(3)], terms);
    const order = { pass: 4, epoch: 7 };
    expect(first).toEqual({ node: 2, key: '0-2' });
    expect(orders.get(2)).toEqual({
      ...order,
      upstream: { ...golden, key: '0-2' },
      downstream: { node: 1, key: '2-1' },
    });
    expect(orders.get(1)).toEqual({
      ...order,
      upstream: { ...place(2), key: '2-1' },
      downstream: { node: 3, key: '1-3' },
    });
    expect(orders.get(3)).toEqual({
      ...order,
      upstream: { ...place(1), key: '1-3' },
      downstream: null,
    });
  });

  test('of a chain without nodes are none', () => {
    expect(ordersFor(golden, [], terms)).toEqual({ first: null, orders: new Map() });
  });

  test('only the neighbours of a lost node get a new order', () => {
    const before = [1, 2, 3, 4, 5].map(place);
    const after = [1, 2, 4, 5].map(place);
    expect(affectedBy(before, after)).toEqual([2, 4]);
  });

  test('losing the first concerns the new first, losing the last the new last', () => {
    expect(affectedBy([1, 2, 3].map(place), [2, 3].map(place))).toEqual([2]);
    expect(affectedBy([1, 2, 3].map(place), [1, 2].map(place))).toEqual([2]);
  });
});
