import { describe, expect, test } from '@jest/globals';
import { type Admission, DownstreamBook } from '../../relay/downstream-book.ts';

/** A node and the key of the link to it, the `link`-th that was made for it. */
const peer = (node: number, link = 1) => ({ node, key: `${node}/${link}` });

/** What becomes of a request of `node`, which has the key of that link. */
const ask = (
  book: DownstreamBook,
  node: number,
  epoch: number,
  { position = 0, oldest = 0, pass = 1, link = 1 } = {},
): Admission =>
  book.admit({ pass, node, epoch, position }, (key) => key === peer(node, link).key, {
    pass: 1,
    oldest,
  });

const ok = { status: 'ok', position: 0 };

describe('who may dial', () => {
  test('only the expected node with the key of its link, for this pass', () => {
    const book = new DownstreamBook(3);
    book.order(4, peer(2), 0);
    expect(ask(book, 2, 4)).toEqual(ok);
    expect(ask(book, 2, 4, { link: 2 })).toBe('decline');
    expect(ask(book, 3, 4)).toBe('decline');
    expect(ask(book, 2, 4, { pass: 2 })).toBe('decline');
    expect(ask(book, 2, 9, { pass: 2 })).toBe('decline');
  });

  test('a node may dial again with its old order after its upstream got a newer one', () => {
    const book = new DownstreamBook(3);
    book.order(4, peer(2), 0);
    book.order(7, peer(2), 0);
    expect(ask(book, 2, 4)).toEqual(ok);
  });

  test('a node with a newer order is held until the same order is here, and changes nothing', () => {
    const book = new DownstreamBook(3);
    expect(ask(book, 2, 4)).toBe('hold');
    book.order(4, peer(2), 0);
    book.acknowledge([90, 80]);
    expect(ask(book, 3, 5)).toBe('hold');
    expect(ask(book, 2, 4)).toEqual(ok);
    expect(book.node).toBe(2);
    expect(book.acks).toEqual([90, 80]);
    book.order(5, peer(3), 0);
    expect(ask(book, 3, 5)).toEqual(ok);
    expect(ask(book, 2, 4)).toBe('decline');
  });

  test('a newer order that names somebody else ends the wait', () => {
    const book = new DownstreamBook(3);
    book.order(4, peer(2), 0);
    expect(ask(book, 3, 5)).toBe('hold');
    book.order(6, null, 0);
    expect(ask(book, 3, 5)).toBe('decline');
  });

  test('an order that comes late changes nothing', () => {
    const book = new DownstreamBook(3);
    book.order(5, peer(3), 0);
    book.order(4, peer(2), 0);
    expect(book.node).toBe(3);
  });

  test('a position that is no longer kept is gone, with the oldest that is', () => {
    const book = new DownstreamBook(3);
    book.order(1, peer(2), 0);
    const gone = { status: 'gone', position: 100 };
    expect(ask(book, 2, 1, { position: 99, oldest: 100 })).toEqual(gone);
    // That is said to nobody else.
    expect(ask(book, 3, 1, { position: 99, oldest: 100 })).toBe('decline');
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
    book.order(1, peer(2), 0);
    book.acknowledge([90, 80, 10]);
    expect(book.floor).toBe(80);
    expect(book.report(100)).toEqual([100, 90]);
  });

  test('a new downstream may need everything its predecessor or those behind it lacked', () => {
    const book = new DownstreamBook(3);
    book.order(1, peer(2), 0);
    book.acknowledge([90, 70, 60]);
    book.order(2, peer(3), 60);
    expect(book.floor).toBe(60);
    expect(book.report(100)).toEqual([100, 60]);
    expect(book.hasArrived(90)).toBe(false);
  });

  test('a downstream after the last of the chain may need what is still kept', () => {
    const book = new DownstreamBook(3);
    book.order(1, null, 0);
    book.order(2, peer(5), 40);
    expect(book.floor).toBe(40);
  });

  test('a link that comes back keeps what is known', () => {
    const book = new DownstreamBook(3);
    book.order(1, peer(2), 0);
    book.acknowledge([90, 80]);
    ask(book, 2, 1, { position: 85, oldest: 70 });
    expect(book.acks).toEqual([90, 80]);
  });
});
