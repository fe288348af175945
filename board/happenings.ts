/** Events told as short sentences: the board's last lines, the log screen, the plain output. */
import type { SessionEvent } from '../protocol/events.ts';
import type { Failure } from '../protocol/failure.ts';
import { printable } from '../system/printable.ts';
import { count, formatBytes, formatDuration, formatRate } from './format.ts';
import type { SessionView } from './session-view.ts';

export interface Happening {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: 'info' | 'warning' | 'error';
  /** Node it is about; null = the whole session. */
  readonly node: number | null;
  readonly text: string;
  /**
   * `news` is for everybody; `step` is one step of one node, too much for the
   * board; `line` is a line of a node's log, for those who go and look.
   */
  readonly weight: 'news' | 'step' | 'line';
}

type EventOf<K extends SessionEvent['kind']> = Extract<SessionEvent, { kind: K }>;
type Told = Omit<Happening, 'time'>;

const news = (text: string, node: number | null = null): Told => ({
  level: 'info',
  node,
  text,
  weight: 'news',
});
const warning = (text: string, node: number | null = null): Told => ({
  ...news(text, node),
  level: 'warning',
});
const failed = (text: string, node: number | null = null): Told => ({
  ...news(text, node),
  level: 'error',
});

const because = (why: string | undefined, failure: Failure | undefined): string => {
  const reason = failure?.message ?? why;
  return reason ? `: ${printable(reason)}` : '';
};

const tellSession = (before: SessionView, event: EventOf<'session'>): Told[] => {
  const name = printable(event.name);
  if (event.state === 'open') {
    const wanted = count(event.wanted, 'node');
    return [news(`session ${name} is open on ${printable(event.address)}, I want ${wanted}`)];
  }
  if (event.state === 'started') return [news("Let's go!")];
  const took = formatDuration(event.time - (before.started ?? before.opened ?? event.time));
  if (event.failure) return [failed(`session ${name} failed${because(undefined, event.failure)}`)];
  const text = `session ${name} is over after ${took}, exit code ${event.exitCode ?? 0}`;
  return [event.exitCode ? warning(text) : news(text)];
};

const tellNode = (before: SessionView, event: EventOf<'node'>): Told[] => {
  const old = before.nodes.get(event.node);
  const name = printable(event.name);
  const reason = because(event.why, event.failure);
  // The first joining of an unknown node, before its state can have changed.
  if (!old && event.state === 'waiting') {
    const present = before.nodes.size + 1;
    const here = before.phase === 'waiting' ? `, ${present} of ${before.wanted} here` : '';
    return [news(`got node ${name} (${printable(event.address)})${here}${reason}`, event.node)];
  }
  if (old?.state === event.state) return [];
  switch (event.state) {
    case 'waiting':
      return [news(`${name} is waiting${reason}`, event.node)];
    case 'received':
      return [{ ...news(`${name} has everything`, event.node), weight: 'step' }];
    case 'done':
      return [news(`${name} is done${reason}`, event.node)];
    case 'booted':
      return [news(`${name} runs from its own disk${reason}`, event.node)];
    case 'bypassed':
      return [warning(`${name} is bypassed${reason}`, event.node)];
    case 'failed': {
      // The failing step has told the reason already.
      const told = old?.failure && old.failure.message === event.failure?.message;
      return [failed(`${name} failed${told ? ' and is out of the session' : reason}`, event.node)];
    }
    case 'lost':
      return [failed(`${name} is lost${reason}`, event.node)];
    case 'refused':
      return [failed(`${name} is refused${reason}`, event.node)];
    default:
      return [];
  }
};

const tellRequest = (before: SessionView, event: EventOf<'request'>): Told[] => {
  const name = `${printable(event.name)} (${printable(event.address)})`;
  const code = `${event.code.slice(0, 3)} ${event.code.slice(3)}`;
  switch (event.state) {
    case 'pending': {
      const known = before.requests.some(({ request }) => request === event.request);
      if (known) return [];
      const reason = because(event.why, undefined);
      return [warning(`${name} asks to be let in, code ${printable(code)}${reason}`)];
    }
    case 'admitted':
      return [news(`${name} is let in: both sides have said yes`)];
    case 'denied':
      return [news(`${name} is turned away`)];
    case 'gone':
      return [news(`${name} asks no more`)];
  }
};

const tellChain = (before: SessionView, event: EventOf<'chain'>): Told[] => {
  const names = event.order.map((node) => before.nodes.get(node)?.name ?? `node ${node}`);
  const shown = names.length > 8 ? [...names.slice(0, 4), '…', ...names.slice(-2)] : names;
  const line = `chain: golden ▸ ${shown.join(' ▸ ')}`;
  return event.why ? [warning(`${printable(event.why)}; ${line}`)] : [news(line)];
};

const tellPass = (event: EventOf<'pass'>): Told[] => {
  const which = `pass ${event.pass} of ${Math.max(event.of, event.pass)}`;
  if (event.state === 'finish') {
    return [news(`${which} is over`)];
  }
  const size = event.expectedBytes > 0 ? `${formatBytes(event.expectedBytes)} ` : '';
  return [news(`${which}: sending ${size}to ${count(event.nodes.length, 'node')}`)];
};

const tellStream = (event: EventOf<'stream'>): Told[] => {
  const name = printable(event.name);
  if (event.state === 'fail') {
    return [failed(`sending ${name} failed${because(undefined, event.failure)}`)];
  }
  if (event.state === 'start') return [news(`sending ${name}`)];
  const sent = event.sentBytes === undefined ? '' : `: ${formatBytes(event.sentBytes)} on the line`;
  const from =
    event.sourceBytes !== undefined && event.sourceBytes !== event.sentBytes
      ? ` for ${formatBytes(event.sourceBytes)}`
      : '';
  return [{ ...news(`sent ${name}${sent}${from}`), weight: 'step' }];
};

const tellStep = (before: SessionView, event: EventOf<'step'>): Told[] => {
  const node = before.nodes.get(event.node);
  const name = node?.name ?? `node ${event.node}`;
  const what = `${name}: ${printable(event.step)}`;
  const detail = event.detail ? `: ${printable(event.detail)}` : '';
  if (event.state === 'fail') {
    return [failed(`${what} failed${because(event.detail, event.failure)}`, event.node)];
  }
  if (event.state === 'skip') {
    return [{ ...news(`${what} skipped${detail}`, event.node), weight: 'step' }];
  }
  if (event.state !== 'finish') return [];
  const started = node?.steps.findLast((step) => step.name === event.step)?.started ?? event.time;
  const took = ((event.time - started) / 1000).toFixed(1);
  return [{ ...news(`${what} done in ${took} s${detail}`, event.node), weight: 'step' }];
};

const tellLog = (before: SessionView, event: EventOf<'log'>): Told[] => {
  const from =
    event.node === null ? '' : `${before.nodes.get(event.node)?.name ?? `node ${event.node}`}: `;
  const line = event.node !== null && event.level === 'info';
  return [
    {
      level: event.level,
      node: event.node,
      text: from + printable(event.message),
      weight: line ? 'line' : 'news',
    },
  ];
};

const tell = (before: SessionView, event: SessionEvent): Told[] => {
  switch (event.kind) {
    case 'session':
      return tellSession(before, event);
    case 'node':
      return tellNode(before, event);
    case 'request':
      return tellRequest(before, event);
    case 'chain':
      return tellChain(before, event);
    case 'pass':
      return tellPass(event);
    case 'stream':
      return tellStream(event);
    case 'step':
      return tellStep(before, event);
    case 'log':
      return tellLog(before, event);
    case 'progress':
      return [];
  }
};

/** What an event means to somebody who knows the view before it. Often nothing. */
export const happenings = (before: SessionView, event: SessionEvent): Happening[] =>
  tell(before, event).map((told) => ({ ...told, time: event.time }));

/** Line 3 of the board and the plain progress line: what the chain carries and what holds it back. */
export const tellFlow = (view: SessionView): string => {
  const { lineRate, sourceRate, encoding, limit } = view.pass;
  const ratio = lineRate > 0 ? sourceRate / lineRate : 0;
  const packed = encoding === 'zstd' && ratio > 0 ? ` (zstd ${ratio.toFixed(1)}×)` : '';
  const delivered = encoding === 'zstd' ? ` · delivered ${formatRate(sourceRate)}${packed}` : '';
  // What limits comes before what is merely good to know: narrow terminals cut at the right.
  return `line ${formatRate(lineRate)}${limit ? ` · limited by ${limit}` : ''}${delivered}`;
};
