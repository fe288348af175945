/** A machine of the model with its agent: may be killed, stopped, cut off, slow; tells the golden what an agent tells. */
import type { ChainOrder } from '../../protocol/control.ts';
import type { TroubleName } from '../../relay/hop.ts';
import { type Control, openControl } from './control-channel.ts';
import { ModelHop } from './model-hop.ts';
import type { ModelLink } from './model-link.ts';
import type { ModelOutlet } from './model-outlet.ts';
import { FRAME } from './model-ring.ts';
import type { World } from './world.ts';

/** As in the agent: how often it reports, how long it waits for a golden, how often it looks for one. */
const POSITION_MS = 500;
const SILENCE_MS = 6000;
const TRY_MS = 2000;
const TRIES = 5;

export class ModelNode {
  readonly number: number;
  readonly links = new Set<ModelLink>();
  /** What the downstream dials; the golden's own, or that of the hop. */
  outlet: ModelOutlet | null = null;
  hop: ModelHop | null = null;
  control: Control | null = null;
  /** The agent is there, stopped or not. */
  alive = true;
  cut = false;
  /** The whole of the golden is on its disk. */
  cloned = false;
  /** Came back when the session was over, or could not find it in five tries. */
  tooLate = false;
  sinkFailed = false;
  sinkBytesPerMs = Number.POSITIVE_INFINITY;
  sinkStalledUntilMs = 0;
  /** Share of the line's rate that this machine's own line has. */
  lineShare = 1;
  damagedFrames = 0;
  /** Of the last order in the running pass. */
  epoch = 0;
  /** What did not happen before says nothing: the process did not look. */
  runningSinceMs = 0;
  /** Grows each time it can be reached again. */
  recoveries = 0;
  readonly #world: World;
  #stopped = false;
  /** Grows with each process on this machine. */
  #process = 0;
  #backlog: (() => void)[] = [];
  #reportedMs = 0;

  constructor(world: World, number: number) {
    this.#world = world;
    this.number = number;
  }

  get running(): boolean {
    return this.alive && !this.#stopped;
  }

  /** Does something in the agent's process: now, or when it goes on. */
  run(work: () => void): void {
    if (this.running) work();
    else if (this.alive) this.#backlog.push(work);
  }

  /** A timer of the agent's process. */
  after(delayMs: number, work: () => void): void {
    const process = this.#process;
    this.#world.clock.after(delayMs, () => {
      if (process === this.#process) this.run(work);
    });
  }

  /** Milliseconds in which the disk takes a frame; 0 = at once. */
  sinkFrameMs(): number {
    const stalledMs = Math.max(0, this.sinkStalledUntilMs - this.#world.clock.nowMs);
    return stalledMs + FRAME / this.sinkBytesPerMs;
  }

  /** Whether the next frame to this node gets damaged. */
  damage(): boolean {
    if (this.damagedFrames === 0) return false;
    this.damagedFrames -= 1;
    return true;
  }

  // What happens to it

  kill(): void {
    if (!this.alive) return;
    const { control } = this;
    this.#endProcess();
    for (const link of [...this.links]) {
      if (link.up === this) link.closeUp();
      else link.closeDown();
    }
    if (control === null) return;
    if (this.cut) this.#world.missHeartbeats(this, control);
    else this.#world.clock.after(this.#world.controlMs(), () => this.#world.giveUp(this, control));
  }

  powerOff(): void {
    if (!this.alive) return;
    const { control } = this;
    this.#endProcess();
    this.cut = true;
    if (control !== null) this.#world.missHeartbeats(this, control);
  }

  /** A new agent on the same machine. */
  restart(): void {
    if (this.alive) return;
    this.alive = true;
    this.#stopped = false;
    this.#seek(1);
  }

  stop(): void {
    if (!this.running) return;
    this.#stopped = true;
    this.#interruptLinks();
    if (this.control !== null) this.#world.missHeartbeats(this, this.control);
  }

  goOn(): void {
    if (!this.alive || !this.#stopped) return;
    this.#stopped = false;
    this.runningSinceMs = this.#world.clock.nowMs;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const work of backlog) this.run(work);
    this.#recover(0);
  }

  /** Its cable is pulled. */
  cutOff(): void {
    if (this.cut) return;
    this.cut = true;
    this.#interruptLinks();
    const { control } = this;
    if (control === null) return;
    this.#world.missHeartbeats(this, control);
    this.after(SILENCE_MS, () => {
      if (this.cut) this.#loseGolden(control);
    });
  }

  mend(): void {
    if (!this.cut) return;
    this.cut = false;
    // TCP tries again at growing distances.
    this.#recover(this.#world.random.between(0, 400));
  }

  failSink(): void {
    if (!this.running || this.hop === null) return;
    this.sinkFailed = true;
    this.hop.failSink();
    this.#tell((world) => world.session.failed(this));
  }

  // What the golden tells it

  join(): void {
    const control = openControl(this.#world, this);
    this.control = control;
    this.#world.session.hello(this, control);
  }

  prepare(): void {
    this.closeHop();
    this.after(this.#world.random.between(50, 500), () => {
      this.#tell((world) => world.session.prepared(this));
    });
  }

  receive(order: ChainOrder): void {
    this.closeHop();
    const { pass } = order;
    const hop = new ModelHop(this.#world, this, pass, {
      trouble: (what, message) => this.#complain(pass, what, message),
      finished: () => {
        this.#position(hop);
        this.#tell((world) => world.session.received(this));
      },
    });
    this.hop = hop;
    this.outlet = hop.outlet;
    this.epoch = order.epoch;
    this.#reportedMs = this.#world.clock.nowMs;
    hop.follow(order);
    this.#positions(hop);
  }

  follow(order: ChainOrder): void {
    if (this.hop?.pass !== order.pass) return;
    this.epoch = order.epoch;
    this.hop.follow(order);
  }

  complete(): void {
    const bytes = this.hop?.drained;
    this.closeHop();
    this.cloned = bytes === this.#world.scenario.totalBytes;
    this.after(this.#world.random.between(10, 2000), () => {
      this.#tell((world) => world.session.completed(this));
    });
  }

  closeHop(): void {
    this.hop?.close();
    this.hop = null;
    this.outlet = null;
    for (const link of [...this.links]) if (link.up === this) link.closeUp();
  }

  #tell(message: (world: World) => void): void {
    this.control?.toGolden.send(() => message(this.#world));
  }

  #complain(pass: number, what: TroubleName, message: string): void {
    const { epoch } = this;
    this.#tell((world) => world.session.trouble(this, pass, epoch, what, message));
  }

  #positions(hop: ModelHop): void {
    this.after(POSITION_MS, () => {
      if (hop.closed) return;
      this.#position(hop);
      this.#positions(hop);
    });
  }

  #position(hop: ModelHop): void {
    const { received, drained, linked, waiting } = hop.stats();
    const { nowMs } = this.#world.clock;
    const elapsedMs = Math.max(1, nowMs - this.#reportedMs);
    this.#reportedMs = nowMs;
    const share = (ms: number) => Math.min(1, ms / elapsedMs);
    const report = {
      received,
      drained,
      linked,
      waiting: {
        upstream: share(waiting.upstream),
        sink: share(waiting.sink),
        downstream: share(waiting.downstream),
      },
    };
    this.#tell((world) => world.session.position(this, hop.pass, report));
  }

  /** Looks for the golden again. */
  #loseGolden(control: Control): void {
    if (this.control !== control) return;
    control.toNode.close();
    control.toGolden.close();
    this.control = null;
    this.closeHop();
    this.#seek(1);
  }

  #seek(attempt: number): void {
    this.after(this.#world.random.between(100, TRY_MS), () => {
      if (!this.cut) {
        this.join();
      } else if (attempt < TRIES) {
        this.#seek(attempt + 1);
      } else {
        this.tooLate = true;
      }
    });
  }

  #endProcess(): void {
    this.#process += 1;
    this.#backlog = [];
    this.alive = false;
    this.control?.toNode.close();
    this.control = null;
    this.hop?.close();
    this.hop = null;
    this.outlet = null;
  }

  #interruptLinks(): void {
    for (const link of this.links) if (this.#world.random.chance(0.5)) link.interrupt();
  }

  #recover(delayMs: number): void {
    this.recoveries += 1;
    if (!this.cut && this.running) this.#world.clock.after(delayMs, () => this.#wake());
    else if (this.control !== null) this.#world.missHeartbeats(this, this.control);
  }

  #wake(): void {
    if (this.cut || !this.running) return;
    for (const link of [...this.links]) link.wake();
    const { control } = this;
    if (control?.givenUp) {
      // Whatever it sends now is answered by the end of the link.
      this.after(this.#world.random.between(0, POSITION_MS), () => {
        if (!this.cut) this.#loseGolden(control);
      });
      return;
    }
    control?.toNode.flush();
    control?.toGolden.flush();
  }
}
