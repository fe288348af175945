/**
 * What is known of a session, worked out from its events alone. Pure: the same
 * events give the same view. Every human-readable output reads from this.
 */
import type { NodeState, SessionEvent } from '../protocol/events.ts';
import type { Failure } from '../protocol/failure.ts';
import type { Network } from '../protocol/network.ts';
import { printable } from '../system/printable.ts';
import { type Happening, happenings } from './happenings.ts';
import type { NodeView, StepView } from './node-view.ts';

/** Happenings kept for the log screen. */
const LOG_LINES = 1000;

type EventOf<K extends SessionEvent['kind']> = Extract<SessionEvent, { kind: K }>;

/** A finished pass, for the totals. */
export interface PassTotals {
  readonly pass: number;
  readonly sentBytes: number;
  readonly sourceBytes: number;
  readonly transferMs: number;
  readonly emptiedMs: number;
  /** All its nodes left it. */
  readonly isAbandoned: boolean;
}

/** A machine that asks to be let in. */
export interface RequestView {
  readonly request: number;
  readonly name: string;
  readonly address: string;
  readonly mac: string | null;
  /** Six digits. */
  readonly code: string;
  /** Whether its own side has said yes. */
  readonly agreed: boolean;
  readonly why: string | null;
}

export interface SessionView {
  readonly phase: 'opening' | 'waiting' | 'running' | 'finished';
  readonly name: string;
  readonly address: string;
  readonly fingerprint: string | null;
  readonly network: Network | null;
  /** Nodes expected. */
  readonly wanted: number;
  /** Milliseconds since 1970; null = not yet. */
  readonly opened: number | null;
  readonly started: number | null;
  readonly finished: number | null;
  readonly exitCode: number | null;
  readonly failure: Failure | null;
  readonly nodes: ReadonlyMap<number, NodeView>;
  /** Node numbers in the order rows are shown; only ever grows after the first chain. */
  readonly rows: readonly number[];
  /** Node numbers in chain order. */
  readonly chain: readonly number[];
  readonly pass: {
    readonly number: number;
    readonly of: number;
    readonly running: boolean;
    /** Sum of the streams before compression; 0 = unknown. */
    readonly expectedBytes: number;
    readonly encoding: 'identity' | 'zstd' | null;
    readonly stream: string | null;
    readonly sentBytes: number;
    readonly sourceBytes: number;
    /** Source bytes of the streams that are over. */
    readonly streamedBytes: number;
    /** Bytes per second. */
    readonly lineRate: number;
    readonly sourceRate: number;
    readonly etaMs: number | null;
    readonly limit: string | null;
  };
  readonly totals: readonly PassTotals[];
  /** Pending ones, oldest first. */
  readonly requests: readonly RequestView[];
  readonly log: readonly Happening[];
}

const noPass: SessionView['pass'] = {
  number: 0,
  of: 0,
  running: false,
  expectedBytes: 0,
  encoding: null,
  stream: null,
  sentBytes: 0,
  sourceBytes: 0,
  streamedBytes: 0,
  lineRate: 0,
  sourceRate: 0,
  etaMs: null,
  limit: null,
};

/** The view before the first event. */
export const emptyView: SessionView = {
  phase: 'opening',
  name: '',
  address: '',
  fingerprint: null,
  network: null,
  wanted: 0,
  opened: null,
  started: null,
  finished: null,
  exitCode: null,
  failure: null,
  nodes: new Map(),
  rows: [],
  chain: [],
  pass: noPass,
  totals: [],
  requests: [],
  log: [],
};

const safeFailure = (failure: Failure): Failure => ({
  code: printable(failure.code),
  message: printable(failure.message),
  ...(failure.output === undefined
    ? {}
    : { output: failure.output.split('\n').map(printable).join('\n') }),
});

const withNode = (view: SessionView, node: NodeView): SessionView => ({
  ...view,
  nodes: new Map(view.nodes).set(node.node, node),
  rows: view.rows.includes(node.node) ? view.rows : [...view.rows, node.node],
});

const newNode = (number: number, time: number): NodeView => ({
  node: number,
  name: `node ${number}`,
  address: '',
  mac: null,
  state: 'waiting',
  joined: time,
  since: time,
  why: null,
  failure: null,
  steps: [],
  received: 0,
  drained: 0,
  sourceBytes: 0,
  rate: 0,
  behind: 0,
  limit: null,
});

const onSession = (view: SessionView, event: EventOf<'session'>): SessionView => {
  const phase = ({ open: 'waiting', started: 'running', finished: 'finished' } as const)[
    event.state
  ];
  return {
    ...view,
    phase,
    name: printable(event.name),
    address: printable(event.address),
    wanted: event.wanted,
    fingerprint: event.fingerprint === undefined ? view.fingerprint : printable(event.fingerprint),
    network: event.network ?? view.network,
    opened: view.opened ?? event.time,
    started: event.state === 'started' ? event.time : view.started,
    finished: event.state === 'finished' ? event.time : view.finished,
    exitCode: event.exitCode ?? view.exitCode,
    failure: event.failure ? safeFailure(event.failure) : view.failure,
  };
};

/** In these states the numbers of the last pass say nothing any more. */
const standing: ReadonlySet<NodeState> = new Set(['waiting', 'bypassed', 'lost', 'refused']);

const onNode = (view: SessionView, event: EventOf<'node'>): SessionView => {
  const old = view.nodes.get(event.node) ?? newNode(event.node, event.time);
  const changed = old.state !== event.state;
  return withNode(view, {
    ...old,
    name: printable(event.name),
    address: printable(event.address),
    mac: event.macs[0] === undefined ? old.mac : printable(event.macs[0]),
    state: event.state,
    since: changed ? event.time : old.since,
    // A reason belongs to the state it came with.
    why: event.why === undefined ? (changed ? null : old.why) : printable(event.why),
    failure: event.failure ? safeFailure(event.failure) : changed ? null : old.failure,
    // The last progress before the end says a little less than all.
    ...(event.state === 'received'
      ? { sourceBytes: Math.max(old.sourceBytes, view.pass.streamedBytes) }
      : {}),
    ...(standing.has(event.state) ? { rate: 0, behind: 0, limit: null } : {}),
  });
};

const onStep = (view: SessionView, event: EventOf<'step'>): SessionView => {
  const node = view.nodes.get(event.node) ?? newNode(event.node, event.time);
  const name = printable(event.step);
  const detail = event.detail === undefined ? null : printable(event.detail);
  const at = node.steps.findLastIndex((step) => step.name === name && step.finished === null);
  // One that starts again (in the next pass) was not ended before, and has its own time.
  const open = event.state === 'start' ? undefined : node.steps[at];
  const ended = event.state !== 'start' && event.state !== 'progress';
  const step: StepView = {
    name,
    state: ended ? (event.state as 'finish' | 'skip' | 'fail') : 'running',
    started: open?.started ?? event.time,
    finished: ended ? event.time : null,
    detail: detail ?? open?.detail ?? null,
  };
  return withNode(view, {
    ...node,
    steps: at < 0 ? [...node.steps, step] : node.steps.with(at, step),
    failure: event.failure ? safeFailure(event.failure) : node.failure,
  });
};

const onChain = (view: SessionView, event: EventOf<'chain'>): SessionView => {
  // The first chain gives the rows their order; later ones only change the numbers,
  // so that no row jumps when a node is taken out.
  const first = view.totals.length === 0 && view.chain.length === 0;
  const rest = view.rows.filter((node) => !event.order.includes(node));
  return { ...view, chain: event.order, rows: first ? [...event.order, ...rest] : view.rows };
};

const onPass = (view: SessionView, event: EventOf<'pass'>): SessionView => {
  if (event.state === 'start') {
    const inPass = new Set(event.nodes);
    const fresh = { received: 0, drained: 0, sourceBytes: 0, rate: 0, behind: 0, limit: null };
    return {
      ...view,
      pass: {
        ...noPass,
        number: event.pass,
        of: Math.max(event.of, event.pass),
        running: true,
        expectedBytes: event.expectedBytes,
        encoding: event.encoding ?? null,
      },
      nodes: new Map(
        [...view.nodes].map(([number, node]) => [
          number,
          inPass.has(number) ? { ...node, ...fresh } : node,
        ]),
      ),
    };
  }
  const sentBytes = event.sentBytes ?? view.pass.sentBytes;
  return {
    ...view,
    pass: { ...view.pass, of: Math.max(event.of, event.pass), running: false, stream: null },
    totals: [
      ...view.totals,
      {
        pass: event.pass,
        sentBytes,
        sourceBytes: Math.max(view.pass.sourceBytes, view.pass.streamedBytes),
        transferMs: event.transferMs ?? 0,
        emptiedMs: event.emptiedMs ?? 0,
        isAbandoned: view.chain.length === 0,
      },
    ],
  };
};

const onStream = (view: SessionView, event: EventOf<'stream'>): SessionView => ({
  ...view,
  pass: {
    ...view.pass,
    stream: event.state === 'start' ? printable(event.name) : null,
    streamedBytes: view.pass.streamedBytes + (event.sourceBytes ?? 0),
  },
});

const onProgress = (view: SessionView, event: EventOf<'progress'>): SessionView => {
  // Nodes count bytes of the line; the operator thinks in files. The session's
  // average translates.
  const perByte = event.sentBytes > 0 ? event.sourceBytes / event.sentBytes : 1;
  const nodes = new Map(view.nodes);
  for (const seen of event.nodes) {
    const node = nodes.get(seen.node);
    if (!node) continue;
    nodes.set(seen.node, {
      ...node,
      received: seen.received,
      drained: seen.drained,
      sourceBytes: seen.drained * perByte,
      rate: seen.rate,
      behind: seen.behind,
      limit: seen.limit,
    });
  }
  return {
    ...view,
    nodes,
    pass: {
      ...view.pass,
      stream: event.stream === null ? view.pass.stream : printable(event.stream),
      sentBytes: event.sentBytes,
      sourceBytes: event.sourceBytes,
      lineRate: event.lineRate,
      sourceRate: event.sourceRate,
      etaMs: event.etaMs,
      limit: event.limit === null ? null : printable(event.limit),
    },
  };
};

const onRequest = (view: SessionView, event: EventOf<'request'>): SessionView => {
  const others = view.requests.filter(({ request }) => request !== event.request);
  if (event.state !== 'pending') return { ...view, requests: others };
  const request: RequestView = {
    request: event.request,
    name: printable(event.name),
    address: printable(event.address),
    mac: event.macs[0] === undefined ? null : printable(event.macs[0]),
    code: printable(event.code),
    agreed: event.agreed,
    why: event.why === undefined ? null : printable(event.why),
  };
  const requests = [...others, request].sort((a, b) => a.request - b.request);
  return { ...view, requests };
};

const applyEvent = (view: SessionView, event: SessionEvent): SessionView => {
  switch (event.kind) {
    case 'session':
      return onSession(view, event);
    case 'node':
      return onNode(view, event);
    case 'request':
      return onRequest(view, event);
    case 'chain':
      return onChain(view, event);
    case 'pass':
      return onPass(view, event);
    case 'stream':
      return onStream(view, event);
    case 'step':
      return onStep(view, event);
    case 'progress':
      return onProgress(view, event);
    case 'log':
      return view;
  }
};

/** The view after one more event. */
export const reduceView = (view: SessionView, event: SessionEvent): SessionView => {
  const next = applyEvent(view, event);
  const news = happenings(view, event);
  return news.length === 0 ? next : { ...next, log: [...next.log, ...news].slice(-LOG_LINES) };
};

/** Nodes in the order of the rows. */
export const nodesInOrder = (view: SessionView): NodeView[] =>
  view.rows.flatMap((number) => view.nodes.get(number) ?? []);

/** Share 0…1 of the pass this node has on its disk, or null when the size is not known. */
export const nodeShare = (view: SessionView, node: NodeView): number | null =>
  view.pass.expectedBytes > 0 ? Math.min(1, node.sourceBytes / view.pass.expectedBytes) : null;

/** Name of a node for a sentence. */
export const nodeName = (view: SessionView, number: number): string =>
  view.nodes.get(number)?.name ?? `node ${number}`;
