/**
 * A chain in a process of its own, to see it work on a Node that may do less:
 * sends a stream through three nodes, takes the second out in the middle, and
 * prints whether libc could be called and what each node has got.
 */
import process from 'node:process';
import { libc } from '../../../system/libc.ts';
import { eventually } from '../../support/eventually.ts';
import { someBytes } from './bytes.ts';
import { begin, Chain } from './chain.ts';

const BYTES = 20_000_000;

const chain = new Chain({ nodes: 3, sink: () => ({ delayMs: 1 }) });
await chain.listen();
chain.order([1, 2, 3]);
const sending = chain.origin.send(begin('s'), someBytes(1, BYTES));
await eventually('the middle', () => chain.node(3).hop.stats().received > BYTES / 3);
chain.order([1, 3]);
const { digest } = await sending;
await chain.origin.finish();
const ends = [await chain.node(1).result, await chain.node(3).result].map(String);
const got = [1, 3].map((number) => chain.node(number).streams.get('s'));
process.stdout.write(`${JSON.stringify({ libc: libc !== null, digest, ends, got })}\n`);
await chain.close();
