import { describe, expect, test } from '@jest/globals';
import { DownstreamBook } from '../../relay/downstream-book.ts';

const get = (node: number, epoch: number, position: number) => ({ pass: 1, node, epoch, position });

describe('who may dial', () => {
  test('only the expected node, with an order that is not older than its own', () => {
    const book = new DownstreamBook(3);
    book.order(4, 2, 0);
    expect(book.admit(get(2, 4, 0), 1, 0).status).toBe('ok');
    expect(book.admit(get(2, 3, 0), 1, 0).status).toBe('stale');
    expect(book.admit(get(3, 4, 0), 1, 0).status).toBe('stale');
    expect(book.admit({ ...get(2, 4, 0), pass: 2 }, 1, 0).status).toBe('refused');
  });

  test('a node may dial again with its old order after its upstream got a newer one', () => {
    const book = new DownstreamBook(3);
    book.order(4, 2, 0);
    book.order(7, 2, 0);
    expect(book.admit(get(2, 4, 0), 1, 0).status).toBe('ok');
  });

  test('a newer order in the hands of another node replaces the one expected', () => {
    const book = new DownstreamBook(3);
    book.order(4, 2, 0);
    expect(book.admit(get(3, 5, 0), 1, 0).status).toBe('ok');
    expect(book.admit(get(2, 4, 0), 1, 0).status).toBe('stale');
    book.order(5, 3, 0);
    expect(book.admit(get(3, 5, 0), 1, 0).status).toBe('ok');
  });

  test('an order that comes late changes nothing', () => {
    const book = new DownstreamBook(3);
    book.order(5, 3, 0);
    book.order(4, 2, 0);
    expect(book.node).toBe(3);
  });

  test('a position that is no longer kept is gone, with the oldest that is', () => {
    const book = new DownstreamBook(3);
    book.order(1, 2, 0);
    expect(book.admit(get(2, 1, 99), 1, 100)).toEqual({ status: 'gone', position: 100 });
  });
});

describe('what may be forgotten', () => {
  test('nothing before the first order', () => {
    expect(new DownstreamBook(3).floor).toBe(0);
  });

  test('everything when nobody is behind', () => {
    const book = new DownstreamBook(3);
    book.order(1, null, 0);
    expect(book.floor).toBe(Number.POSITIVE_INFINITY);
    expect(book.report(50)).toEqual([50]);
  });

  test('what the next k nodes have, and no more', () => {
    const book = new DownstreamBook(2);
    book.order(1, 2, 0);
    book.acknowledge([90, 80, 10]);
    expect(book.floor).toBe(80);
    expect(book.report(100)).toEqual([100, 90]);
  });

  test('a new downstream may need everything its predecessor or those behind it lacked', () => {
    const book = new DownstreamBook(3);
    book.order(1, 2, 0);
    book.acknowledge([90, 70, 60]);
    book.order(2, 3, 60);
    expect(book.floor).toBe(60);
    expect(book.report(100)).toEqual([100, 60]);
    expect(book.hasArrived(90)).toBe(false);
  });

  test('a downstream after the last of the chain may need what is still kept', () => {
    const book = new DownstreamBook(3);
    book.order(1, null, 0);
    book.order(2, 5, 40);
    expect(book.floor).toBe(40);
  });

  test('a link that comes back keeps what is known', () => {
    const book = new DownstreamBook(3);
    book.order(1, 2, 0);
    book.acknowledge([90, 80]);
    book.admit(get(2, 1, 85), 1, 70);
    expect(book.acks).toEqual([90, 80]);
  });
});
