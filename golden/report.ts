/** Builds the report of a session out of its events. */
import type { NodeState, SessionEvent } from '../protocol/events.ts';
import type { Report } from '../protocol/report.ts';
import type { EventListener } from './event-bus.ts';

type NodeReport = Report['nodes'][number];

interface NodeRecord {
  report: NodeReport;
  joinedMs: number;
  stepStartedMs: number;
}

export interface ReportBuilder {
  listen: EventListener;
  build: () => Report;
}

/** The clock may be set back meanwhile. */
const durationSeconds = (fromMs: number, toMs: number): number =>
  Math.max(0, Math.round(toMs - fromMs)) / 1000;

/** Collects events until `build` is called, normally after `session finished`. */
export const reportBuilder = (
  version: string,
  logPath: (node: number) => string,
): ReportBuilder => {
  const nodes = new Map<number, NodeRecord>();
  const report: Report = {
    session: '',
    version,
    network: 'open',
    started: 0,
    finished: 0,
    exitCode: 1,
    wanted: 0,
    totals: {
      passes: 0,
      sourceBytes: 0,
      sentBytes: 0,
      transferMs: 0,
      emptiedMs: 0,
      bytesPerSecond: 0,
    },
    nodes: [],
  };

  const onNode = (event: Extract<SessionEvent, { kind: 'node' }>) => {
    const record = nodes.get(event.node) ?? newRecord(event);
    nodes.set(event.node, record);
    record.report.name = event.name;
    record.report.address = event.address;
    record.report.result = event.state;
    record.report.macs = event.macs;
    record.report.seconds = durationSeconds(record.joinedMs, event.time);
    record.report.log = logPath(event.node);
    if (event.failure) record.report.failure = event.failure;
    else delete record.report.failure;
  };

  const onStep = (event: Extract<SessionEvent, { kind: 'step' }>) => {
    const record = nodes.get(event.node);
    if (!record) return;
    if (event.state === 'start') record.stepStartedMs = event.time;
    if (event.state === 'start' || event.state === 'progress') return;
    record.report.steps.push({
      step: event.step,
      state: event.state,
      seconds: durationSeconds(record.stepStartedMs, event.time),
      ...(event.detail === undefined ? {} : { detail: event.detail }),
    });
  };

  const onPass = (event: Extract<SessionEvent, { kind: 'pass' }>) => {
    const { totals } = report;
    if (event.state === 'start') {
      totals.passes = event.pass;
      for (const node of event.nodes) {
        const record = nodes.get(node);
        if (record) record.report.pass = event.pass;
      }
      return;
    }
    totals.sentBytes += event.sentBytes ?? 0;
    totals.transferMs += event.transferMs ?? 0;
    totals.emptiedMs += event.emptiedMs ?? 0;
    totals.bytesPerSecond =
      totals.transferMs > 0 ? Math.round((totals.sentBytes * 1000) / totals.transferMs) : 0;
  };

  const listen = (event: SessionEvent) => {
    if (event.kind === 'session') {
      report.session = event.name;
      report.wanted = event.wanted;
      if (event.state === 'open') report.started = event.time;
      if (event.network) report.network = event.network;
      if (event.state !== 'finished') return;
      report.finished = event.time;
      report.exitCode = event.exitCode ?? 1;
      if (event.failure) report.failure = event.failure;
    } else if (event.kind === 'node') onNode(event);
    else if (event.kind === 'step') onStep(event);
    else if (event.kind === 'pass') onPass(event);
    else if (event.kind === 'stream' && event.state === 'finish') {
      report.totals.sourceBytes += event.sourceBytes ?? 0;
    }
  };

  return {
    listen,
    build: () => ({ ...report, nodes: [...nodes.values()].map((record) => record.report) }),
  };
};

const newRecord = (event: {
  node: number;
  name: string;
  address: string;
  state: NodeState;
  time: number;
}): NodeRecord => ({
  joinedMs: event.time,
  stepStartedMs: event.time,
  report: {
    node: event.node,
    name: event.name,
    address: event.address,
    macs: [],
    result: event.state,
    pass: null,
    seconds: 0,
    steps: [],
    log: null,
  },
});
