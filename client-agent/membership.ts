/** One node's part in one session, over one control link: from hello to finish. */
import { ClonePlan } from '../desc/clone-plan.ts';
import { GOLDEN_NODE, MOST_PROBES, PROBE } from '../protocol/constants.ts';
import { type ChainOrder, type GoldenMessage, MAX_STREAMS } from '../protocol/control.ts';
import { type Failure, toFailure } from '../protocol/failure.ts';
import type { Inventory } from '../protocol/inventory.ts';
import { Hop, type HopEvent, type Sink, type StreamBegin } from '../relay/hop.ts';
import { cleanUp } from '../stage2/clean-up.ts';
import { makeUnbootable } from '../stage2/make-unbootable.ts';
import { openSink } from '../stage2/receive.ts';
import { runSteps, type StepReport } from '../stage2/runner.ts';
import type { Step, StepContext } from '../stage2/step.ts';
import {
  directoryFinishSteps,
  directoryPrepareSteps,
  finishSteps,
  prepareSteps,
} from '../stage2/steps.ts';
import { NamedError } from '../system/named-error.ts';
import type { CommandLog } from '../system/run.ts';
import { checkPlan } from './check-plan.ts';
import type { GoldenLink } from './golden-link.ts';
import { homeCall } from './home-call.ts';
import { devicesOf } from './inventory.ts';
import type { Knock } from './knock.ts';
import type { NodeLog } from './node-log.ts';
import { openSettleTunnel } from './settle-tunnel.ts';
import { StreamLedger } from './stream-ledger.ts';

/** How a membership ended. */
export type Outcome =
  | { kind: 'cloned'; reboot: boolean }
  | { kind: 'dismissed'; reason: string }
  | { kind: 'lost'; reason: string };

export interface MembershipOptions {
  link: GoldenLink;
  /** Address the golden was reached at: the head of the chain is there too. */
  goldenHost: string;
  /** Where the data port listens. */
  listen: { host: string; port: number };
  /** Mount point of the clone, or the directory a directory node clones into. */
  target: string;
  directory: boolean;
  /** Devices of the disks it offers; of a machine without stage2 they are seen later. */
  devices: readonly string[];
  reboot: boolean;
  log: NodeLog;
  /** Hears what is said until it is let in. */
  knock: Knock;
  /** With the name it is given, and the golden's clock in milliseconds since 1970. */
  onWelcome: (name: string, timeMs: number) => Promise<void>;
  /** Undefined where the machine has its tools. */
  equipment: Equipment | undefined;
  /** What the machine has, once its drivers are loaded. */
  lookAgain: () => Promise<Inventory>;
  signal: AbortSignal;
}

/** How stage2 gets on a machine that lacks it. */
export interface Equipment {
  isHere(): Promise<boolean>;
  /** Makes room for so many bytes, beside a ring. Throws when there is none. */
  prepare(bytes: number, ringBytes: number, context: WorkContext): Promise<void>;
  /** Takes the bytes. */
  openSink(): Sink;
  /** Puts it in place, if it has this sum. Throws `ForgedStream` otherwise. */
  enter(sha256: string, context: WorkContext): Promise<void>;
}

interface WorkContext {
  log: CommandLog;
  signal: AbortSignal;
}

/** Stage2 on its way. */
interface Equipping {
  equipment: Equipment;
  /** Of its squashfs, by the golden's word. */
  sha256: string;
}

const POSITION_MS = 500;

type Of<T extends GoldenMessage['type']> = Extract<GoldenMessage, { type: T }>;

export class Membership {
  readonly #options: MembershipOptions;
  #welcome: { session: string; node: number } | undefined;
  #plan: ClonePlan | undefined;
  /** Set while stage2 is on its way. */
  #equipping: Equipping | undefined;
  #hop: Hop | undefined;
  #positions: NodeJS.Timeout | undefined;
  #lastPositionMs = Date.now();
  #epoch = 0;
  /** The golden's last word on this node's place, also while there is no hop yet. */
  #newest: ChainOrder | undefined;
  /** Of the last pass; undefined where nothing is vouched for. */
  #ledger: { pass: number; streams: StreamLedger } | undefined;
  /** What came was not vouched for, and may be on the disks. */
  #unvouched = false;
  /** Stops the work on the current plan. */
  #job = new AbortController();
  /** Work and clean-up, one after the other, whatever order messages come in. */
  #work: Promise<void> = Promise.resolve();
  #end: (outcome: Outcome) => void = () => undefined;
  #isOver = false;

  #devices: readonly string[];

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#devices = options.devices;
  }

  /** Resolves when the golden lets this node go, or is gone. Leaves nothing mounted. */
  async run(): Promise<Outcome> {
    const { link, log, signal } = this.#options;
    const ended = new Promise<Outcome>((resolve) => {
      this.#end = (how) => {
        this.#isOver = true;
        resolve(how);
      };
    });
    link.listen(this.#hear);
    link.closed.then((reason) => this.#end({ kind: 'lost', reason }));
    const onAbort = () => this.#end({ kind: 'dismissed', reason: 'this agent was stopped' });
    signal.addEventListener('abort', onAbort, { once: true });
    const outcome = await ended;
    signal.removeEventListener('abort', onAbort);
    this.#stop(outcome.kind === 'cloned' ? 'cloned' : outcome.reason);
    await this.#work;
    log.forwardTo(undefined);
    await link.close();
    return outcome;
  }

  /** This node's own side does not want it. */
  leave(reason: string): void {
    this.#end({ kind: 'dismissed', reason });
  }

  #hear = (message: GoldenMessage): void => {
    // What it still says is for nobody: work that began now would never be ended.
    if (this.#isOver) return;
    const { log } = this.#options;
    switch (message.type) {
      case 'challenge':
      case 'again':
        if (!this.#welcome) this.#options.knock.hear(message);
        return;
      case 'welcome':
        this.#options.knock.stop();
        // Not before: nothing else of a node is read until it is in.
        log.forwardTo((lines) => this.#options.link.send({ type: 'log', lines }));
        this.#welcome = { session: message.session, node: message.node };
        this.#next(() => this.#options.onWelcome(message.name, message.time));
        log.say(`in session ${message.session} as ${message.name}, node ${message.node}`);
        log.say(`Waiting for the other nodes: ${message.present} of ${message.wanted} are here`);
        return;
      case 'waiting':
        log.say(`Waiting for the other nodes: ${message.present} of ${message.wanted} are here`);
        return;
      case 'equip':
        this.#stop('stage2 comes first');
        this.#next((signal) => this.#makeRoom(message, signal));
        return;
      case 'plan':
        this.#stop('a new plan came');
        this.#next((signal) => this.#prepare(message, signal));
        return;
      case 'pass':
        this.#newest = message.order;
        this.#openLedger(message);
        this.#next((signal) => this.#receive(message, signal));
        return;
      case 'vouch': {
        const { type: _type, pass, ...record } = message;
        this.#ledgerOf(pass)?.vouch(record);
        return;
      }
      case 'vouched':
        this.#ledgerOf(message.pass)?.end(message.streams);
        return;
      case 'chain':
        this.#newest = message.order;
        this.#follow(message.order);
        return;
      case 'eject':
        this.#stop(message.reason);
        log.say(`out of ${message.final ? 'the session' : 'this pass'}: ${message.reason}`);
        if (message.final) this.#end({ kind: 'dismissed', reason: message.reason });
        return;
      case 'complete':
        this.#next((signal) => this.#complete(message, signal));
        return;
      case 'finish':
        this.#end({ kind: 'cloned', reboot: message.action === 'reboot' && this.#options.reboot });
    }
  };

  /** Ends the running work and queues the clean-up behind it. */
  #stop(why: string): void {
    this.#job.abort(new NamedError('Aborted', why));
    this.#job = new AbortController();
    const context = this.#plan ? this.#context(this.#plan, this.#job.signal) : undefined;
    this.#work = this.#work.then(async () => {
      await this.#closeHop();
      await this.#spoil();
      if (!context || this.#options.directory) return;
      for (const left of await cleanUp(context)) this.#options.log.say(`left behind: ${left}`);
    });
    this.#work = this.#work.catch((error: unknown) => {
      this.#options.log.say(`cleaning up: ${toFailure(error).message}`);
    });
  }

  /** Queues work; a failure ends this node's part in the plan, not the agent. */
  #next(work: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#job;
    this.#work = this.#work.then(async () => {
      if (signal.aborted) return;
      try {
        await work(signal);
      } catch (error) {
        // Whoever aborted the work knows why and has said so.
        if (!signal.aborted) this.#failed(toFailure(error));
      }
    });
  }

  #failed(failure: Failure): void {
    const { link, log } = this.#options;
    log.say(`FAILED: ${failure.message}`);
    if (failure.output) for (const line of failure.output.split('\n')) log.detail(line);
    log.flush();
    link.send({ type: 'phase', phase: 'failed', failure });
  }

  async #makeRoom({ bytes, sha256, ringBytes }: Of<'equip'>, signal: AbortSignal): Promise<void> {
    const { equipment, link, log } = this.#options;
    if (!equipment) throw new NamedError('OutOfTurn', 'the golden sent stage2 to a whole system');
    log.say('Preparing to receive stage 2');
    this.#equipping = { equipment, sha256 };
    await this.#step('make room for stage2', () =>
      equipment.prepare(bytes, ringBytes, { log: log.detail, signal }),
    );
    link.send({ type: 'phase', phase: 'prepared' });
  }

  /** Uses what came, and tells the golden what this machine turns out to have. */
  async #enterStage2({ equipment, sha256 }: Equipping, signal: AbortSignal): Promise<void> {
    const { link, log, lookAgain } = this.#options;
    await this.#step('enter stage2', () => equipment.enter(sha256, { log: log.detail, signal }));
    const inventory = await lookAgain();
    this.#devices = devicesOf(inventory);
    const disks = inventory.disks.map(({ name }) => name).join(', ');
    log.say(`stage2 is in place; disks: ${disks}`);
    this.#equipping = undefined;
    link.send({ type: 'inventory', inventory });
  }

  /** Work that belongs to no plan, reported as its steps are. */
  async #step(step: string, work: () => Promise<void>): Promise<void> {
    this.#onStep({ step, state: 'start' });
    try {
      await work();
    } catch (error) {
      this.#onStep({ step, state: 'fail', failure: toFailure(error) });
      throw error;
    }
    this.#onStep({ step, state: 'finish' });
  }

  async #prepare({ plan }: Of<'plan'>, signal: AbortSignal): Promise<void> {
    const parsed = ClonePlan.safeParse(plan);
    if (!parsed.success) {
      throw new NamedError('PlanRefused', 'the golden sent a plan this node cannot read; refused');
    }
    checkPlan(parsed.data, { devices: this.#devices, directory: this.#options.directory });
    this.#plan = parsed.data;
    await this.#steps(this.#options.directory ? directoryPrepareSteps : prepareSteps, signal);
    this.#options.link.send({ type: 'phase', phase: 'prepared' });
  }

  /** At once: the golden may vouch for a stream before this node comes to its work on the pass. */
  #openLedger({ order: { pass }, network }: Of<'pass'>): void {
    const streams = this.#equipping ? [] : (this.#plan?.streams ?? []);
    this.#ledger =
      network === 'open'
        ? { pass, streams: new StreamLedger(streams.map(({ name }) => name)) }
        : undefined;
  }

  #ledgerOf(pass: number): StreamLedger | undefined {
    return this.#ledger?.pass === pass ? this.#ledger.streams : undefined;
  }

  async #receive(message: Of<'pass'>, signal: AbortSignal): Promise<void> {
    const { order, network, key, ringBytes, redundancy } = message;
    const { link, listen } = this.#options;
    const { session, node } = this.#admitted();
    await this.#closeHop();
    const ledger = this.#ledgerOf(order.pass);
    this.#unvouched = ledger !== undefined;
    const hop = new Hop(
      {
        session,
        pass: order.pass,
        network,
        key: Buffer.from(key, 'base64'),
        node,
        listen,
        ringBytes,
        redundancy,
        mostStreams: this.#mostStreams(),
        openSink: this.#sinks(signal),
        ...(ledger ? { vouched: (stream: number) => ledger.vouchedFor(stream, signal) } : {}),
        signal,
      },
      (event) => this.#onHopEvent(event, order.pass),
    );
    this.#hop = hop;
    await hop.listen();
    // A repair may have been ordered while the work before this was ending.
    this.#follow(this.#newest?.pass === order.pass ? this.#newest : order);
    this.#positions = setInterval(() => this.#sendPosition(order.pass), POSITION_MS);
    try {
      await (ledger ? Promise.race([hop.finished, ledger.forged]) : hop.finished);
      this.#sendPosition(order.pass);
      await ledger?.check(signal);
    } catch (error) {
      // The golden knows by the trouble that was reported, and gives this node another pass.
      if (error instanceof NamedError && error.code === 'PositionGone') return;
      await hop.keepNothing(toFailure(error).message);
      throw await this.#spoiled(error);
    }
    this.#unvouched = false;
    if (this.#equipping) await this.#enterStage2(this.#equipping, signal);
    else link.send({ type: 'phase', phase: 'received' });
  }

  /** `error`, and what became of the disks that hold what nobody vouches for. */
  async #spoiled(error: unknown): Promise<unknown> {
    const isForged = error instanceof NamedError && error.code === 'ForgedStream';
    try {
      await this.#spoil();
    } catch (second) {
      const { code, message } = toFailure(error);
      const why = toFailure(second).message;
      return new NamedError(code, `${message}; ${why}; do not start this machine from them`);
    }
    if (!isForged) return error;
    const left = this.#options.directory
      ? `throw away what is in ${this.#options.target}`
      : "this node's disks were made unbootable";
    return new NamedError('ForgedStream', `${error.message}; ${left}`);
  }

  /** What nobody vouched for must not start, whoever switches the machine on. */
  async #spoil(): Promise<void> {
    const { directory, log } = this.#options;
    if (!this.#unvouched || !this.#plan || directory) return;
    await makeUnbootable(this.#context(this.#plan, new AbortController().signal));
    this.#unvouched = false;
    log.say('what came was not vouched for: the disks were made unbootable');
  }

  async #complete({ settle, home }: Of<'complete'>, signal: AbortSignal): Promise<void> {
    const { link, log, directory, target, goldenHost } = this.#options;
    const steps = directory ? directoryFinishSteps : finishSteps;
    await this.#closeHop();
    const tunnel = new AbortController();
    try {
      const source = settle
        ? await openSettleTunnel(link, settle, log.detail, tunnel.signal)
        : null;
      const call = home && (await homeCall(goldenHost, home));
      await this.#steps(steps, signal, { settle: source, home: call });
    } finally {
      tunnel.abort();
    }
    log.say(
      directory
        ? `This node is cloned into ${target}; a directory is not verified as disks are`
        : 'This node is cloned and verified',
    );
    log.flush();
    link.send({ type: 'phase', phase: 'complete' });
  }

  async #steps(
    steps: readonly Step[],
    signal: AbortSignal,
    golden?: Pick<StepContext, 'settle' | 'home'>,
  ): Promise<void> {
    await runSteps(steps, this.#context(this.#planned(), signal, golden), this.#onStep);
  }

  #context(
    plan: ClonePlan,
    signal: AbortSignal,
    golden: Pick<StepContext, 'settle' | 'home'> = { settle: null, home: null },
  ): StepContext {
    const { target, log, reboot } = this.#options;
    return { plan, target, signal, ...golden, reboot, log: log.detail, progress: () => undefined };
  }

  #onStep = (report: StepReport): void => {
    const { link, log } = this.#options;
    if (report.state !== 'progress') {
      log.say(`${report.step}: ${report.state}${report.detail ? ` (${report.detail})` : ''}`);
    }
    link.send({ type: 'step', ...report });
  };

  /**
   * Opens the sinks of one pass. A stream that comes twice is not the golden's:
   * what is unpacked over what is there already follows its links.
   */
  #sinks(signal: AbortSignal): (begin: StreamBegin) => Sink | null {
    const opened = new Set<string>();
    return (begin) => {
      if (begin.kind === PROBE) return null;
      if (opened.has(begin.name)) {
        const message = `stream "${begin.name}" came twice in one pass; look at the nodes before this one in the chain`;
        throw new NamedError('ForgedStream', message);
      }
      opened.add(begin.name);
      return this.#openSink(begin, signal);
    };
  }

  /** null for what only passes through. */
  #openSink(begin: StreamBegin, signal: AbortSignal): Sink | null {
    if (this.#equipping) return this.#equipping.equipment.openSink();
    // A directory has no partitions; what it passes on of them it does not keep.
    if (begin.kind === 'raw' && this.#options.directory) return null;
    const plan = this.#planned();
    const { name, kind, encoding } = begin;
    const stream = plan.streams.find((candidate) => candidate.name === name);
    if (!stream || (kind !== 'files' && kind !== 'raw')) {
      throw new NamedError(
        'UnknownStream',
        `the golden sent stream "${name}", which is not in this node's plan`,
      );
    }
    return openSink(stream, { kind, encoding }, this.#context(plan, signal));
  }

  #mostStreams(): number {
    // Which others there are a directory's plan does not say.
    if (this.#options.directory) return MAX_STREAMS;
    return MOST_PROBES + (this.#equipping ? 1 : this.#planned().streams.length);
  }

  #onHopEvent(event: HopEvent, pass: number): void {
    const { link, log } = this.#options;
    if (event.type === 'trouble') {
      log.say(`chain: ${event.message}`);
      const { what, message } = event;
      link.send({ type: 'trouble', pass, epoch: this.#epoch, what, message });
      return;
    }
    if (event.type === 'record') {
      this.#ledgerOf(pass)?.keep(event.record, event.from);
      return;
    }
    const { name, state, kept } = event;
    // What only passes through is no step of this node.
    if (!kept) return;
    log.say(`stream ${name}: ${state}`);
    this.#onStep(streamStep(name, state));
  }

  #follow(order: ChainOrder): void {
    this.#epoch = Math.max(this.#epoch, order.epoch);
    const { upstream } = order;
    // The golden cannot know by which of its addresses a node reaches it.
    const host = upstream.node === GOLDEN_NODE ? this.#options.goldenHost : upstream.host;
    this.#hop?.follow({ ...order, upstream: { ...upstream, host } });
  }

  #sendPosition(pass: number): void {
    if (!this.#hop) return;
    const { received, drained, linked, stream, streamBytes, waiting } = this.#hop.stats();
    const now = Date.now();
    const elapsedMs = Math.max(1, now - this.#lastPositionMs);
    this.#lastPositionMs = now;
    const share = (ms: number) => Math.min(1, ms / elapsedMs);
    this.#options.link.send({
      type: 'position',
      pass,
      received,
      drained,
      linked,
      stream,
      streamBytes,
      waiting: {
        upstream: share(waiting.upstream),
        sink: share(waiting.sink),
        downstream: share(waiting.downstream),
      },
    });
  }

  async #closeHop(): Promise<void> {
    clearInterval(this.#positions);
    const hop = this.#hop;
    this.#hop = undefined;
    this.#epoch = 0;
    await hop?.close();
  }

  #planned(): ClonePlan {
    if (this.#plan) return this.#plan;
    throw new NamedError('OutOfTurn', 'the golden sent work before a plan');
  }

  #admitted(): { session: string; node: number } {
    if (this.#welcome) return this.#welcome;
    throw new NamedError('OutOfTurn', 'the golden sent work before a welcome');
  }
}

const streamStep = (name: string, state: 'begin' | 'end' | 'abort'): StepReport => {
  const step = `receive ${name}`;
  if (state === 'begin') return { step, state: 'start' };
  if (state === 'end') return { step, state: 'finish' };
  const message = `the golden gave up sending ${name}`;
  return { step, state: 'fail', failure: { code: 'StreamAborted', message } };
};
