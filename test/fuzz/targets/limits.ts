/** How much of anything strangers and nodes get: connections, answers, events. */
import { Server, Socket } from 'node:net';
import fc from 'fast-check';
import { EventLimits } from '../../../golden/event-limits.ts';
import type { NewEvent } from '../../../protocol/events.ts';
import { limitConnections } from '../../../system/connection-limits.ts';
import { rations } from '../../../system/rations.ts';
import { mustBe, parser } from '../target.ts';

/** Real clock, and no case takes as long as this, in seconds. */
const LONGEST_CASE = 2;

const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3');

export const limitTargets = [
  parser(
    'connections',
    fc.record({
      perAddress: fc.integer({ min: 1, max: 3 }),
      total: fc.integer({ min: 1, max: 5 }),
      quietMs: fc.constantFrom(0, 60_000),
      comers: fc.array(address, { maxLength: 20 }),
    }),
    ({ perAddress, total, quietMs, comers }) => {
      // Never listens: connections are handed to it as the system would.
      const server = new Server();
      const addresses = new Map<Socket, string>();
      const counted = new Set<Socket>();
      limitConnections(server, {
        limits: { perAddress, total, quietMs },
        say: () => undefined,
        addressOf: (socket) => addresses.get(socket) ?? '',
        end: (socket) => {
          mustBe(counted.delete(socket), 'one is ended that is not open');
          socket.destroy();
        },
      });
      for (const from of comers) {
        const socket = new Socket();
        addresses.set(socket, from);
        server.emit('connection', socket);
        if (!socket.destroyed) counted.add(socket);
        const own = [...counted].filter((one) => addresses.get(one) === from);
        mustBe(own.length <= perAddress, `${own.length} of one address`);
        mustBe(counted.size <= total, `${counted.size} in all`);
        // Nobody with many keeps out somebody with none.
        mustBe(own.length > 0 || total < 2 || quietMs > 0, 'one that has none gets none');
      }
      for (const socket of counted) socket.destroy();
    },
  ),
  parser(
    'answers to strangers',
    fc.tuple(
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(address, { maxLength: 60, size: '+1' }),
    ),
    ([burst, inAll, askers]) => {
      const isDone = rations({
        perAddress: { burst, perSecond: 1 },
        total: { burst: inAll, perSecond: 1 },
      });
      const done = askers.filter((from) => isDone(from));
      mustBe(done.length <= inAll + LONGEST_CASE, `${done.length} answers`);
      for (const from of new Set(askers)) {
        const own = done.filter((one) => one === from).length;
        mustBe(own <= burst + LONGEST_CASE, `${own} answers to one`);
      }
      mustBe(askers.length === 0 || done[0] === askers[0], 'the first has no answer');
    },
    2,
  ),
  parser(
    'words of one node',
    fc.array(fc.tuple(fc.nat({ max: 2 }), fc.constantFrom(1, 900, 2100)), { maxLength: 4 }),
    (said) => {
      const limits = new EventLimits();
      const passed = new Map<number, number>();
      for (const [node, times] of said) {
        for (let time = 0; time < times; time += 1) {
          const event: NewEvent = { kind: 'log', node, level: 'info', message: 'x' };
          if (limits.admit(event) === event) passed.set(node, (passed.get(node) ?? 0) + 1);
        }
        const names = { name: 'a', address: '', macs: [] };
        const state: NewEvent = { kind: 'node', node, state: 'lost', ...names };
        mustBe(limits.admit(state) === state, 'what becomes of a node is left out');
      }
      for (const [node, words] of passed) {
        mustBe(words <= 2000 + 10 * LONGEST_CASE, `${words} words of ${node}`);
      }
    },
    0.2,
  ),
];
