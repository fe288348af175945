/** What decides by what it was told, without sockets and clocks: any sequence of words may come. */
import fc from 'fast-check';
import { question } from '../../../board/bindings.ts';
import { tellFlow } from '../../../board/happenings.ts';
import { firstScreen, visibleNodes } from '../../../board/screen-state.ts';
import { emptyView, nodesInOrder, reduceView } from '../../../board/session-view.ts';
import { summaryLines } from '../../../board/summary.ts';
import { ChainKeeper, type Orders } from '../../../golden/chain-keeper.ts';
import { EventLimits } from '../../../golden/event-limits.ts';
import { nodeName } from '../../../golden/node-name.ts';
import { Rate } from '../../../golden/rate.ts';
import { reportBuilder } from '../../../golden/report.ts';
import { Hello } from '../../../protocol/admission.ts';
import type { LinkPeer } from '../../../protocol/control.ts';
import { SessionEvent } from '../../../protocol/events.ts';
import { Report } from '../../../protocol/report.ts';
import { DownstreamBook } from '../../../relay/downstream-book.ts';
import { forgettable, linkFor } from '../../../relay/hop-rules.ts';
import { Redial } from '../../../relay/redial.ts';
import { REDIAL_LONGEST_MS } from '../../../relay/tuning.ts';
import { isHostName } from '../../../system/names.ts';
import { rations } from '../../../system/rations.ts';
import { like, objectLike } from '../hostile.ts';
import * as samples from '../samples.ts';
import { mustBe, mustBeShown, parser, same } from '../target.ts';

const REDUNDANCY = 3;
const count = fc.oneof(fc.nat({ max: 100 }), fc.nat(), fc.constantFrom(0, 2 ** 32, 2 ** 53 - 1));
const small = fc.nat({ max: 6 });
const peer = fc.option(fc.record({ node: small, key: fc.constantFrom('a', 'b') }));

const bookCommand = fc.oneof(
  fc.record({ what: fc.constant('order' as const), epoch: small, peer, oldest: count }),
  fc.record({
    what: fc.constant('get' as const),
    get: fc.record({ pass: fc.nat({ max: 2 }), epoch: small, node: small, position: count }),
    key: fc.constantFrom('a', 'b', 'c'),
    oldest: count,
  }),
  fc.record({
    what: fc.constant('acks' as const),
    positions: fc.array(count, { minLength: 1, maxLength: 255 }),
  }),
);

const share = fc.double({ min: 0, max: 1, noNaN: true });
const keeperCommand = fc.oneof(
  fc.record({ what: fc.constant('leave' as const), node: small }),
  fc.record({
    what: fc.constant('report' as const),
    node: small,
    report: fc.record({
      received: count,
      drained: count,
      linked: fc.boolean(),
      waiting: fc.record({ upstream: share, sink: share, downstream: share }),
    }),
  }),
  fc.record({ what: fc.constant('complain' as const), node: small }),
  fc.record({ what: fc.constant('silent' as const), node: small, epoch: small }),
  fc.record({ what: fc.constant('tick' as const), sent: count }),
);

/** Who follows whom, as the orders say. */
const mustBeChain = (
  keeper: ChainKeeper,
  orders: Orders,
  told: Map<number, { up: LinkPeer; down: LinkPeer | null }>,
): void => {
  for (const [node, { upstream, downstream, epoch }] of orders.orders) {
    mustBe(epoch === orders.epoch, 'orders of another time');
    told.set(node, { up: upstream, down: downstream });
  }
  let before: LinkPeer | null = orders.first;
  for (const [index, node] of keeper.nodes.entries()) {
    const order = told.get(node);
    mustBe(before?.node === node, `${before?.node} is expected in the place of ${node}`);
    mustBe(order?.up.node === (keeper.nodes[index - 1] ?? 0), `upstream of ${node}`);
    same(order?.up.key, before?.key, `key of the link to ${node}`);
    before = order?.down ?? null;
  }
  mustBe(before === null, 'the last expects somebody');
};

/** As the session's bus lets them in: checked, in the order of time or not. */
const event = objectLike(...samples.events).map((value) => SessionEvent.safeParse(value).data);

export const stateTargets = [
  parser(
    'who may dial in',
    fc.array(bookCommand, { maxLength: 12 }),
    (commands) => {
      const book = new DownstreamBook(REDUNDANCY);
      let expected: LinkPeer | null = null;
      let epoch = -1;
      for (const command of commands) {
        if (command.what === 'order') {
          book.order(command.epoch, command.peer, command.oldest);
          if (command.epoch >= epoch) [epoch, expected] = [command.epoch, command.peer];
        } else if (command.what === 'acks') book.acknowledge(command.positions);
        else {
          const { get, key, oldest } = command;
          const proves = (wanted: string): boolean => wanted === key;
          const answer = book.admit(get, proves, { pass: 1, oldest });
          const isIn = get.pass === 1 && expected?.node === get.node && expected.key === key;
          mustBe(isIn || typeof answer === 'string', 'somebody else is let in');
          if (typeof answer === 'object' && answer.status === 'ok') {
            mustBe(get.position >= oldest, 'bytes that are not there');
          }
        }
        mustBe(book.report(5).length <= REDUNDANCY, 'too much is told');
        same(book.node, expected?.node ?? null, 'who is expected');
      }
    },
    4,
  ),
  parser(
    'dialing again',
    fc.array(
      fc.option(fc.tuple(fc.constantFrom('lost', 'damaged', 'declined'), fc.nat({ max: 3 }))),
    ),
    (ends) => {
      const redial = new Redial();
      let reported = new Set<string>();
      for (const end of ends) {
        if (end === null) {
          redial.reset();
          reported = new Set();
          continue;
        }
        const { delayMs, report } = redial.ended(end[0] as 'lost', end[1]);
        mustBe(delayMs >= 0 && delayMs <= REDIAL_LONGEST_MS, `${delayMs} ms`);
        mustBe(report === null || !reported.has(report), 'told again');
        if (report) reported.add(report);
      }
    },
    3,
  ),
  parser(
    'links that are ordered',
    fc.array(fc.tuple(small, small, fc.constantFrom('a', 'b'), fc.boolean(), count, count)),
    (orders) => {
      let last: Parameters<typeof linkFor>[0] = null;
      for (const [epoch, node, key, linked, one, other] of orders) {
        const upstream = { node, key, host: '10.0.0.1', port: 1 };
        const order = { pass: 1, epoch, upstream, downstream: null };
        const what = linkFor(last, order, linked);
        const isOld = last !== null && epoch < last.epoch;
        same(what === 'ignore', isOld, 'an old order');
        if (!isOld) last = order;
        mustBe(forgettable(one, other, node) <= Math.min(one, other), 'forgets too much');
      }
    },
    3,
  ),
  parser(
    'who is in the chain',
    fc.tuple(
      fc.array(keeperCommand, { maxLength: 20 }),
      fc.constantFrom('wait', 'bypass'),
      fc.array(fc.nat({ max: 4000 }), { minLength: 1, maxLength: 5 }),
    ),
    ([commands, policy, pauses]) => {
      let keys = 0;
      const places = [1, 2, 3, 4].map((node) => ({ node, host: `10.0.0.${node}`, port: 1 }));
      const keeper = new ChainKeeper({
        pass: 1,
        golden: { node: 0, host: '10.0.0.9', port: 1 },
        chain: places,
        ringBytes: 64 * 1024,
        slow: { policy: policy as 'wait', share: 0.5 },
        lastChance: new Set([4]),
        newKey: () => String(keys++),
      });
      let nowMs = 0;
      let epoch = 0;
      const told = new Map<number, { up: LinkPeer; down: LinkPeer | null }>();
      mustBeChain(keeper, keeper.begin(nowMs), told);
      for (const [turn, command] of commands.entries()) {
        nowMs += pauses[turn % pauses.length] ?? 0;
        const nodes = keeper.nodes;
        if (command.what === 'report') keeper.report(command.node, command.report, nowMs);
        else if (command.what === 'complain') keeper.complain(command.node, 'why', nowMs);
        else if (command.what === 'leave') {
          const orders = keeper.leave(command.node);
          same(orders !== undefined, nodes.includes(command.node), 'somebody left');
          if (!orders) continue;
          mustBe(orders.epoch > epoch, 'an older epoch');
          epoch = orders.epoch;
          mustBeChain(keeper, orders, told);
        } else {
          const { what } = command;
          const gone =
            what === 'tick'
              ? keeper.tick(command.sent, nowMs)
              : [keeper.silent(command.node, command.epoch, 'why', nowMs) ?? []].flat();
          for (const { node, why } of gone) {
            mustBe(nodes.includes(node), 'somebody who is not in is to go');
            mustBeShown(why);
          }
        }
      }
    },
    3,
  ),
  parser(
    'names of nodes',
    fc.tuple(
      objectLike(samples.hello),
      fc.array(fc.constantFrom('node01', 'node02', 'node1', 'golden'), { maxLength: 3 }),
      like('10.0.0.2'),
    ),
    ([value, names, address]) => {
      const hello = Hello.safeParse(value).data;
      if (!hello) return;
      const taken: ReadonlySet<string> = new Set(names);
      const listed = [{ name: 'node1', mac: '52:54:00:00:00:01' }, { name: 'node2' }];
      const name = nodeName(listed, 'golden', hello, address, 1, taken);
      mustBe(isHostName(name) && !taken.has(name) && name !== 'golden', name);
    },
    3,
  ),
  parser(
    'rations',
    fc.array(fc.tuple(fc.constantFrom('a', 'b', '__proto__'), count), { maxLength: 40 }),
    (asked) => {
      const may = rations({
        perAddress: { burst: 3, perSecond: 0 },
        total: { burst: 5, perSecond: 0 },
      });
      const limits = new EventLimits();
      const rate = new Rate(1, 3, 0);
      const given = asked.filter(([address]) => may(address)).map(([address]) => address);
      mustBe(given.length <= 5, 'too much in all');
      for (const one of given) {
        mustBe(given.filter((other) => other === one).length <= 3, 'too much for one');
      }
      // A clock may be set back.
      mustBe(asked.filter(() => rate.take(0)).length <= 3, 'too much at once');
      for (const [message, node] of asked) {
        limits.admit({ kind: 'log', level: 'info', node, message });
      }
    },
    2,
  ),
  parser(
    'what is shown of a session',
    fc.array(event, { maxLength: 12 }),
    (events) => {
      const builder = reportBuilder('0.1.0', (node) => `/var/log/node-${node}.log`);
      let view = emptyView;
      for (const one of events) {
        if (!one) continue;
        view = reduceView(view, one);
        builder.listen(one);
      }
      for (const { text } of view.log) mustBeShown(text);
      for (const line of summaryLines(view)) mustBeShown(line);
      mustBeShown(tellFlow(view));
      mustBeShown(question(view, firstScreen) ?? '');
      mustBe(visibleNodes(view, 'node', 3).length <= nodesInOrder(view).length, 'more rows');
      const report = builder.build();
      same(Report.parse(report), report, 'the report is not as its schema reads it');
    },
    3,
  ),
];
