/** Lines for a log file or a terminal that cannot be drawn on: one for each happening. */
import { formatDuration, formatMegs, formatMegsRate, formatPercent } from './format.ts';
import { happenings } from './happenings.ts';
import { emptyView, reduceView, type SessionView } from './session-view.ts';
import type { Subscribe } from './subscribe.ts';
import { nodeResultLines, totalsLines } from './summary.ts';

/** Progress lines come no closer than this, in milliseconds of the events' time. */
export const PROGRESS_MS = 5000;

const progressLine = (view: SessionView): string => {
  const { sentBytes, sourceBytes, expectedBytes, lineRate, etaMs, limit } = view.pass;
  const share = expectedBytes > 0 ? ` (${formatPercent(sourceBytes / expectedBytes)})` : '';
  return [
    `Total data sent = ${formatMegs(sentBytes)}${share}`,
    formatMegsRate(lineRate),
    ...(etaMs === null ? [] : [`ETA ${formatDuration(etaMs)}`]),
    ...(limit ? [`limited by ${limit}`] : []),
  ].join(', ');
};

/** As errors of commands begin (cli/exit.ts): one pattern finds them all. */
const LEADS = { info: '', warning: 'ka: warning: ', error: 'ka: ' } as const;

/**
 * Writes a session as plain lines (without line ends) until the returned
 * function is called. The last lines are each node's result. `known` is what
 * went before, when another output takes over from the middle.
 */
export const startPlain = (
  subscribe: Subscribe,
  write: (line: string) => void,
  known: SessionView = emptyView,
): (() => void) => {
  let view = known;
  let lastProgress = Number.NEGATIVE_INFINITY;
  return subscribe((event) => {
    const news = happenings(view, event).filter(({ weight }) => weight !== 'line');
    view = reduceView(view, event);
    if (event.kind === 'session' && event.state === 'open') {
      for (const line of event.plan ?? []) write(line);
    }
    for (const { level, text } of news) {
      write(`${LEADS[level]}${text}`);
    }
    const isDue = event.time - lastProgress >= PROGRESS_MS && view.chain.length > 0;
    if (event.kind === 'progress' && isDue) {
      lastProgress = event.time;
      write(progressLine(view));
    }
    const totals = view.totals.at(-1);
    if (event.kind === 'pass' && event.state === 'finish' && totals) {
      for (const line of totalsLines(totals)) write(line);
    }
    if (event.kind === 'session' && event.state === 'finished') {
      for (const line of nodeResultLines(view)) write(line);
    }
  });
};
