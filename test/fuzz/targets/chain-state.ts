/** Who decides about the chain, on the golden and on hops, told anything in any order. */
import fc from 'fast-check';
import { ChainKeeper, type Orders } from '../../../golden/chain-keeper.ts';
import { inOrderOf } from '../../../golden/chain-order.ts';
import { Rate } from '../../../golden/rate.ts';
import type { ChainOrder } from '../../../protocol/control.ts';
import { DownstreamBook } from '../../../relay/downstream-book.ts';
import { acknowledgeNow, forgettable, linkFor, samePositions } from '../../../relay/hop-rules.ts';
import { Redial } from '../../../relay/redial.ts';
import { REDIAL_LONGEST_MS } from '../../../relay/tuning.ts';
import { isPrintable } from '../../../system/printable.ts';
import { mustBe, parser, same } from '../target.ts';

const position = fc.oneof(fc.nat({ max: 2 ** 28 }), fc.nat({ max: 8 }), fc.maxSafeNat());
const node = fc.nat({ max: 6 });
const epoch = fc.nat({ max: 12 });

const bookCommand = fc.oneof(
  fc.record({ kind: fc.constant('order' as const), epoch, node: fc.option(node), position }),
  fc.record({
    kind: fc.constant('admit' as const),
    get: fc.record({ pass: fc.nat({ max: 1 }), epoch, node, position }),
    key: node,
    oldest: position,
  }),
  fc.record({
    kind: fc.constant('acknowledge' as const),
    positions: fc.array(position, { minLength: 1, maxLength: 6 }),
  }),
);

const share = fc.double({ min: 0, max: 1, noNaN: true });
const keeperCommand = fc.tuple(
  fc.nat({ max: 4000 }),
  fc.oneof(
    fc.record({ kind: fc.constant('leave' as const), node }),
    fc.record({
      kind: fc.constant('report' as const),
      node,
      report: fc.record({
        received: position,
        drained: position,
        linked: fc.boolean(),
        waiting: fc.record({ upstream: share, sink: share, downstream: share }),
      }),
    }),
    fc.record({ kind: fc.constant('complain' as const), node }),
    fc.record({ kind: fc.constant('silent' as const), node, epoch }),
    fc.record({ kind: fc.constant('tick' as const), sent: position }),
  ),
);

/** What all nodes were told last says the same chain as the keeper. */
const mustBeOneChain = (keeper: ChainKeeper, told: Map<number, ChainOrder>, last: Orders): void => {
  const { nodes } = keeper;
  same(last.first?.node, nodes[0], 'who dials the golden');
  for (const [index, number] of nodes.entries()) {
    const order = told.get(number);
    if (!order) throw new Error(`node ${number} has no order`);
    mustBe(order.epoch <= keeper.epoch, 'an order of the future');
    same(order.upstream.node, nodes[index - 1] ?? 0, `upstream of ${number}`);
    same(order.downstream?.node, nodes[index + 1], `downstream of ${number}`);
    const upstream = nodes[index - 1];
    const behind = upstream === undefined ? last.first : told.get(upstream)?.downstream;
    same(behind?.key, order.upstream.key, `key of the link to ${number}`);
  }
};

export const chainStateTargets = [
  parser(
    'who may dial in',
    fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(bookCommand, { maxLength: 20 })),
    ([redundancy, commands]) => {
      const book = new DownstreamBook(redundancy);
      let newest = -1;
      for (const command of commands) {
        if (command.kind === 'order') {
          const before = [book.node, book.acks] as const;
          const peer =
            command.node === null ? null : { node: command.node, key: `${command.node}` };
          book.order(command.epoch, peer, command.position);
          if (command.epoch < newest) same([book.node, book.acks], before, 'an old order counts');
          else same(book.node, command.node, 'the newest order does not count');
          newest = Math.max(newest, command.epoch);
        } else if (command.kind === 'acknowledge') {
          if (book.node !== null) book.acknowledge(command.positions);
        } else {
          const { get, key, oldest } = command;
          const answer = book.admit(get, (of) => of === `${key}`, { pass: 1, oldest });
          const isProved = get.pass === 1 && get.node === book.node && key === book.node;
          mustBe((typeof answer === 'object') === isProved, 'answered without a proof, or not');
          if (typeof answer !== 'object') {
            same(answer, get.pass === 1 && get.epoch > newest ? 'hold' : 'decline', 'unproved');
          } else if (answer.status === 'ok') mustBe(answer.position >= oldest, 'serves the past');
          else same(answer.position, oldest, 'gone');
        }
        mustBe(book.acks.length <= redundancy, 'counts on too many');
        mustBe(!book.acks.some((one) => book.floor > one), 'forgets what somebody needs');
        const report = book.report(5);
        mustBe(report[0] === 5 && report.length <= redundancy, 'report');
        mustBe(forgettable(9, 8, book.floor) <= 8, 'forgets what its sink needs');
        mustBe(!acknowledgeNow(report, report, 1), 'says again what is known');
        mustBe(samePositions(report, book.report(5)), 'two reports differ');
      }
    },
    3,
  ),
  parser(
    'dialling again',
    fc.array(
      fc.option(fc.tuple(fc.constantFrom('lost', 'damaged', 'declined'), fc.nat({ max: 2 }))),
      { maxLength: 2000, size: '+1' },
    ),
    (ends) => {
      const redial = new Redial();
      let told = new Set<string>();
      for (const end of ends) {
        if (end === null) {
          redial.reset();
          told = new Set();
          continue;
        }
        const { delayMs, report } = redial.ended(...end);
        mustBe(delayMs >= 0 && delayMs <= REDIAL_LONGEST_MS, `waits ${delayMs} ms`);
        mustBe(report === null || !told.has(report), `${report} is told twice`);
        if (report !== null) told.add(report);
      }
    },
    2,
  ),
  parser(
    'orders for a link',
    fc.array(fc.tuple(epoch, node, fc.boolean()), { maxLength: 12 }),
    (orders) => {
      let last: ChainOrder | null = null;
      for (const [of, upstream, linked] of orders) {
        const order: ChainOrder = {
          ...{ pass: 1, epoch: of, downstream: null },
          upstream: { node: upstream, key: `${upstream}`, host: '', port: 1 },
        };
        const decision = linkFor(last, order, linked);
        same(decision === 'ignore', last !== null && of < last.epoch, 'an old order');
        if (decision === 'keep') {
          mustBe(linked && last?.upstream.node === upstream, 'keeps a link to another');
        }
        if (decision !== 'ignore') last = order;
      }
    },
    2,
  ),
  parser(
    'who follows whom',
    fc.tuple(
      fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 }),
      fc.constantFrom('wait', 'bypass'),
      fc.subarray([1, 2, 3, 4, 5, 6]),
      fc.array(keeperCommand, { maxLength: 30 }),
    ),
    ([nodes, policy, lastChance, commands]) => {
      let made = 0;
      const keeper = new ChainKeeper({
        pass: 1,
        golden: { node: 0, host: '', port: 1 },
        chain: nodes.map((number) => ({ node: number, host: `10.0.0.${number}`, port: 1 })),
        ringBytes: 2 ** 26,
        slow: { policy, share: 0.5 },
        lastChance: new Set(lastChance),
        newKey: () => {
          made += 1;
          return `key ${made}`;
        },
      });
      let last = keeper.begin(0);
      const told = new Map(last.orders);
      mustBeOneChain(keeper, told, last);
      const leave = (number: number): void => {
        const before = keeper.epoch;
        const isIn = keeper.nodes.includes(number);
        const orders = keeper.leave(number);
        same(orders !== undefined, isIn, 'orders for one that was not in');
        mustBe(!keeper.nodes.includes(number), 'it is still in');
        if (!orders) return;
        mustBe(orders.epoch > before, 'an order without a new epoch');
        last = orders;
        told.delete(number);
        for (const [other, order] of orders.orders) told.set(other, order);
        mustBeOneChain(keeper, told, last);
      };
      const bypassed = ({ node: number, why }: { node: number; why: string }): void => {
        mustBe(keeper.nodes.includes(number), 'one that is not in is taken out');
        mustBe(isPrintable(why) && !/NaN|Infinity|undefined/.test(why), why);
        leave(number);
      };
      let nowMs = 0;
      for (const [pauseMs, command] of commands) {
        nowMs += pauseMs;
        if (command.kind === 'leave') leave(command.node);
        else if (command.kind === 'report') keeper.report(command.node, command.report, nowMs);
        else if (command.kind === 'complain') keeper.complain(command.node, 'lost', nowMs);
        else if (command.kind === 'tick') {
          for (const one of keeper.tick(command.sent, nowMs)) bypassed(one);
        } else {
          const one = keeper.silent(command.node, command.epoch, 'silent', nowMs);
          if (one) bypassed(one);
        }
      }
    },
    3,
  ),
  parser(
    'order of a pass',
    fc.tuple(fc.integer({ min: 1, max: 9 }), fc.uniqueArray(fc.nat({ max: 50 }))),
    ([pass, nodes]) => {
      const order = inOrderOf(pass, nodes);
      same(order.toSorted(), nodes.toSorted(), 'somebody is left out');
    },
  ),
  parser(
    'rates',
    fc.tuple(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 400 }),
      fc.array(fc.integer({ min: -5000, max: 5000 }), { maxLength: 100, size: '+1' }),
    ),
    ([perSecond, most, pauses]) => {
      let nowMs = 10_000;
      const startMs = nowMs;
      let latestMs = nowMs;
      let taken = 0;
      const rate = new Rate(perSecond, most, nowMs);
      for (const pause of pauses) {
        nowMs = Math.max(0, nowMs + pause);
        latestMs = Math.max(latestMs, nowMs);
        if (rate.take(nowMs)) taken += 1;
        mustBe(Number.isFinite(nowMs), 'time');
      }
      const isSteady = pauses.every((pause) => pause >= 0);
      const allowed = most + ((latestMs - startMs) * perSecond) / 1000;
      mustBe(!isSteady || taken <= allowed + 1e-6, `${taken} of ${allowed}`);
      mustBe(rate.take(nowMs + 1000), 'a second later it gives none');
    },
    2,
  ),
];
