/** What a session shows and reports, whatever events come in whatever order. */
import fc from 'fast-check';
import type { Key } from 'ink';
import { bindings, question } from '../../../board/bindings.ts';
import { fitLeft, fitRight, formatBar } from '../../../board/format.ts';
import { tellFlow } from '../../../board/happenings.ts';
import { startJson } from '../../../board/json.ts';
import { boardLines, screenLines, tableColumns } from '../../../board/layout.ts';
import { startPlain } from '../../../board/plain.ts';
import { firstScreen, type ScreenState, visibleNodes } from '../../../board/screen-state.ts';
import { emptyView, reduceView, type SessionView } from '../../../board/session-view.ts';
import { summaryLines } from '../../../board/summary.ts';
import { nodeName } from '../../../golden/node-name.ts';
import { reportBuilder } from '../../../golden/report.ts';
import { SessionEvent } from '../../../protocol/events.ts';
import { Report } from '../../../protocol/report.ts';
import { isHostName } from '../../../system/names.ts';
import { isPrintable } from '../../../system/printable.ts';
import { wholeSession } from '../../board/session-events.ts';
import { someHello } from '../../support/hello.ts';
import { objectLike, text } from '../hostile.ts';
import { mustBe, parser } from '../target.ts';

const SESSION = wholeSession();

/** The longest text of an event is cut at 2000; a line may hold a few of them. */
const MOST_LINE = 10_000;

/** Right events in a wrong order, and such with parts exchanged, as they are read. */
const events = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...SESSION) },
      { weight: 2, arbitrary: objectLike(...SESSION) },
    ),
    { maxLength: 25, size: '+1' },
  )
  .map((all) => all.flatMap((event) => SessionEvent.safeParse(event).data ?? []));

/** The golden's own events are not read again: their texts are as somebody wrote them. */
const withText = (event: SessionEvent, said: string): SessionEvent => {
  switch (event.kind) {
    case 'session':
      return { ...event, failure: { code: said, message: said, output: said } };
    case 'node':
      return { ...event, name: said, address: said, why: said };
    case 'chain':
      return { ...event, why: said };
    case 'stream':
      return { ...event, name: said };
    case 'step':
      return { ...event, step: said, detail: said };
    case 'progress':
      return { ...event, stream: said, limit: said };
    case 'log':
      return { ...event, message: said };
    default:
      return event;
  }
};

const mustBeLines = (lines: readonly string[], most = MOST_LINE): void => {
  for (const line of lines) {
    mustBe(isPrintable(line), `a line is not printable: ${JSON.stringify(line)}`);
    mustBe(line.length <= most, `a line of ${line.length} characters`);
    mustBe(!line.includes('undefined'), line);
  }
};

const viewOf = (all: readonly SessionEvent[]): SessionView => all.reduce(reduceView, emptyView);

const mustBeShown = (all: readonly SessionEvent[], most = MOST_LINE): void => {
  const view = viewOf(all);
  mustBeLines(
    view.log.map((happening) => happening.text),
    most,
  );
  mustBeLines(summaryLines(view), most);
  mustBeLines([tellFlow(view)], most);
  const lines: string[] = [];
  const subscribe = (listener: (event: SessionEvent) => void) => {
    for (const event of all) listener(event);
    return () => undefined;
  };
  // The plan is the golden's own, and printable where it is made.
  const told = (line: string): void => {
    if (!all.some((event) => event.kind === 'session' && event.plan?.includes(line))) {
      lines.push(line);
    }
  };
  startPlain(subscribe, told);
  mustBeLines(lines, most);
  const objects: string[] = [];
  startJson(subscribe, (line) => objects.push(line));
  mustBe(objects.every(isPrintable), 'a line of JSON is not printable');
};

const NO_KEY: Key = {
  ...{ upArrow: false, downArrow: false, leftArrow: false, rightArrow: false },
  ...{ pageDown: false, pageUp: false, home: false, end: false, return: false, escape: false },
  ...{ ctrl: false, shift: false, tab: false, backspace: false, delete: false, meta: false },
  ...{ super: false, hyper: false, capsLock: false, numLock: false },
};
const pressed = fc.oneof(
  fc.constantFrom(...'seryndalq?/c', 'zz', 'é').map((input) => ({ input, key: NO_KEY })),
  fc
    .constantFrom('return', 'escape', 'upArrow', 'downArrow', 'pageDown', 'backspace', 'ctrl')
    .map((name) => ({ input: name === 'ctrl' ? 'c' : '', key: { ...NO_KEY, [name]: true } })),
);

const MACHINES = ['node01', 'node02', 'golden', 'localhost', 'a b', '', 'x'.repeat(300)];
const machine = fc.constantFrom(...MACHINES);

export const boardTargets = [
  parser('what a session shows', events, (all) => mustBeShown(all), 2),
  parser(
    'what a session shows of raw texts',
    fc.tuple(fc.array(fc.constantFrom(...SESSION), { maxLength: 15 }), text),
    ([all, said]) =>
      mustBeShown(
        all.map((event) => withText(event, said)),
        Number.POSITIVE_INFINITY,
      ),
    2,
  ),
  parser(
    'keys',
    fc.tuple(events, fc.array(pressed, { maxLength: 30 }), fc.integer({ min: 1, max: 20 })),
    ([all, keys, pageLines]) => {
      const view = viewOf(all);
      let state: ScreenState = firstScreen;
      let done = '';
      const act = (what: string) => () => {
        done = what;
      };
      const actions = {
        ...{ start: act('start'), stop: act('stop'), join: () => '' },
        ...{ eject: act('eject'), retry: act('retry'), admit: act('admit'), deny: act('deny') },
      };
      for (const { input, key } of keys) {
        const nodes = visibleNodes(view, state.filter, pageLines);
        const set = (change: Partial<ScreenState>): void => {
          state = { ...state, ...change };
        };
        const before = state.asking;
        done = '';
        const all = bindings({ view, state, nodes, pageLines, actions, set });
        mustBe(all.length > 0, 'no key does anything');
        all.find(({ matches }) => matches(input, key))?.press(input, key);
        const isAsked = before === 'stop' || before === 'eject';
        mustBe(
          isAsked || !['stop', 'eject', 'admit', 'deny'].includes(done) || before === done,
          done,
        );
        mustBe(state.scroll >= 0 && state.scroll <= Math.max(0, view.log.length), 'scrolled away');
        mustBe(state.selected === null || view.nodes.has(state.selected), 'nobody is selected');
        mustBeLines([question(view, state) ?? '']);
      }
    },
  ),
  parser(
    'layout',
    fc.record({
      width: fc.integer({ min: 80, max: 400 }),
      height: fc.integer({ min: 10, max: 200 }),
      longest: fc.nat({ max: 300 }),
      share: fc.oneof(fc.double(), fc.constantFrom(0, 1, 0.999)),
      said: fc.string({ maxLength: 40 }),
      cells: fc.nat({ max: 50 }),
    }),
    ({ width, height, longest, share, said, cells }) => {
      const { name, address, step, bar, rate, behind, why } = tableColumns(width, longest);
      const used = 5 + name + 2 + address + step + bar + 6 + rate + behind + 2 + why;
      mustBe(used <= width, `${used} of ${width} cells`);
      const lines = boardLines(height);
      mustBe(7 + lines.nodes + lines.happenings + 3 * lines.gap <= height, 'too high');
      mustBe(screenLines(height) + 4 <= height, 'a screen is too high');
      mustBe([...fitLeft(said, cells)].length === cells, 'left');
      mustBe([...fitRight(said, cells)].length === cells, 'right');
      if (!Number.isNaN(share)) mustBe(formatBar(share, cells).length === cells, 'bar');
    },
    2,
  ),
  parser(
    'reports of any events',
    fc.array(fc.tuple(fc.constantFrom(...SESSION), fc.nat({ max: 10_000_000 })), { maxLength: 30 }),
    (all) => {
      const builder = reportBuilder('1', (node) => `${node}.log`);
      for (const [event, laterMs] of all) builder.listen({ ...event, time: 1e12 + laterMs });
      const read = Report.safeParse(builder.build());
      mustBe(read.success, `the report does not fit its schema: ${read.error?.message}`);
    },
    2,
  ),
  parser(
    'names of nodes',
    fc.tuple(machine, machine, fc.subarray(MACHINES), machine, fc.constantFrom('golden', 'node01')),
    ([asked, own, taken, listed, golden]) => {
      const some = someHello();
      const hello = { ...some, name: asked, inventory: { ...some.inventory, hostname: own } };
      const all = new Set(taken);
      const name = nodeName([{ name: listed }], golden, hello, '10.0.0.1', 1, all);
      mustBe(isHostName(name), `${name} is no host name`);
      mustBe(!all.has(name), `${name} is taken`);
      mustBe(name !== golden, "the golden's own name");
    },
  ),
];
