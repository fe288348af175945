/**
 * The golden session from open to report: who comes in, when it starts, which
 * nodes go into which pass, what becomes of each. Talks to nodes over control
 * links; leaves bytes to `Pass` and disks to the nodes.
 */
import type { ClonePlan } from '../desc/clone-plan.ts';
import type { Hello } from '../protocol/admission.ts';
import { GOLDEN_NODE, PROTOCOL_VERSION } from '../protocol/constants.ts';
import type { NodeMessage } from '../protocol/control.ts';
import type { NewEvent } from '../protocol/events.ts';
import { type Failure, toFailure } from '../protocol/failure.ts';
import { PHONE_HOME } from '../protocol/home.ts';
import type { Network } from '../protocol/network.ts';
import type { Offer } from '../protocol/offer.ts';
import { ipv4Interfaces } from '../system/interfaces.ts';
import { NamedError } from '../system/named-error.ts';
import type { GoldenKeys } from '../trust/golden-keys.ts';
import { formatJoinString } from '../trust/join-string.ts';
import { Admissions } from './admissions.ts';
import { announce } from './announcer.ts';
import type { Audit } from './audit.ts';
import type { Blueprint } from './blueprint.ts';
import type { SlowPolicy } from './chain-keeper.ts';
import { startControlServer } from './control-server.ts';
import { measureSource, type SourceRates } from './encoding.ts';
import { type AdmitPolicy, Gate } from './gate.ts';
import {
  isCloned,
  isFinal,
  isLastPass,
  isPending,
  LAST_PASS_REST_MS,
  lacksStage2,
  MAX_PASSES,
  MAX_PLANS,
  type Member,
  tell,
} from './member.ts';
import type { NodeLogs } from './node-logs.ts';
import { Pass, type PassOptions, type PassTotals } from './pass.ts';
import { LOOK_MS, Patience } from './patience.ts';
import { type Newcomer, Reception, type Resident } from './reception.ts';
import { Releases } from './releases.ts';
import { Roster } from './roster.ts';
import type { SettleService } from './settle-service.ts';
import type { Encoding, StreamSource } from './stream-source.ts';

/** Stage2 of a boot image. */
export interface Stage2 {
  source: StreamSource;
  /** Of its squashfs, as its image's manifest has it. */
  sha256: string;
}

export interface SessionOptions {
  name: string;
  wanted: number;
  /** Start with this many when the wait is over. */
  minNodes: number;
  /** How long to wait for all nodes, in milliseconds; undefined = for ever. */
  waitTimeoutMs: number | undefined;
  /** Address to bind and announce; undefined = all. */
  address: string | undefined;
  ports: { control: number; data: number; offer: number; home: number };
  ringBytes: number;
  /** Pause between two nodes being let go, in milliseconds. */
  releaseDelayMs: number;
  /** How many nodes may restart at once. */
  rebootWindow: number;
  /** Whether nodes report from their own disks before they count as booted. */
  phoneHome: boolean;
  /** Stage2 of the boot image with this id; undefined = this golden has no such image. */
  stage2Of: (image: string) => Stage2 | undefined;
  compress: 'auto' | Encoding;
  network: Network;
  slow: SlowPolicy;
  blueprint: Blueprint;
  keys: GoldenKeys;
  /** `publicBytes` of the golden's key. */
  publicKey: Uint8Array;
  admit: AdmitPolicy;
  /** Hears the join string once the session is open. */
  onOpen: (join: string) => void;
  audit: Audit['write'];
  settle: SettleService;
  logs: NodeLogs;
  emit: (event: NewEvent) => void;
  signal: AbortSignal;
}

/** All wanted nodes cloned, none (or never started), some: the session's exit status. */
export type SessionExitCode = 0 | 1 | 2;

/** When some are ready, the others get this long before the pass starts without them. */
export const PREPARE_GRACE_MS = 60_000;

/** How long nodes have to close their links at the end. */
const DISMISS_MS = 3000;

export class Session {
  readonly #options: SessionOptions;
  readonly #roster: Roster;
  readonly #totals: PassTotals[] = [];
  #sourceRates: Promise<SourceRates> | undefined;
  /** Ends everything the session owns, on a normal end too. */
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #startedEarly = false;
  #started = false;
  #pass: Pass | undefined;
  readonly #patience = new Patience();
  #controlPort: number;
  readonly #releases: Releases;
  readonly #admissions: Admissions;
  readonly #reception: Reception;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#roster = new Roster(options.emit);
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
    this.#controlPort = options.ports.control;
    this.#releases = new Releases({
      roster: this.#roster,
      delayMs: options.releaseDelayMs,
      window: options.rebootWindow,
      listen: options.phoneHome ? { host: options.address, port: options.ports.home } : null,
      say: (message) => options.emit({ kind: 'log', node: null, level: 'warning', message }),
      signal: this.#signal,
    });
    this.#admissions = new Admissions(options.name, (error) =>
      this.#warn(`admissions are not written down: ${error.message}`),
    );
    this.#reception = new Reception({
      gate: new Gate({
        policy: options.admit,
        listed: new Set(options.blueprint.listedMacs),
        admissions: this.#admissions,
      }),
      goldenKey: options.publicKey,
      obstacle: this.#obstacle,
      enter: this.#enter,
      emit: options.emit,
      audit: options.audit,
    });
  }

  get members(): readonly Member[] {
    return this.#roster.all;
  }

  get passes(): readonly PassTotals[] {
    return this.#totals;
  }

  /** Does not wait for the rest. `by`: who says so, for the audit log. */
  startNow = (by: string): void => {
    this.#options.audit({ what: 'started', by });
    this.#startedEarly = true;
    this.#roster.changed();
  };

  /** Takes a node out for good. */
  eject = (number: number, by: string): void => {
    const why = 'taken out by the operator';
    const member = this.#roster.byNumber(number);
    if (!member || isFinal(member)) return;
    this.#options.audit({ what: 'ejected', by, node: number, name: member.name, pin: member.pin });
    this.#admissions.remove(member.pin);
    tell(member, { type: 'eject', reason: why, final: true });
    this.#fail(member, { code: 'Ejected', message: `${member.name} was ${why}` });
  };

  /** Puts a failed node whose agent is still here into the next pass. */
  retry = (number: number, by: string): void => {
    const member = this.#roster.byNumber(number);
    if (member?.state !== 'failed' || !member.link) return;
    this.#options.audit({ what: 'retried', by, node: number, name: member.name });
    member.passes = 0;
    member.plans = 0;
    this.#roster.set(member, 'bypassed', { why: 'tried again by the operator' });
  };

  /** Machines that ask to be let in, with their codes. */
  get requests(): Reception['requests'] {
    return this.#reception.requests;
  }

  /** Runs the session to its end. Never rejects: failures are events and the exit status. */
  async run(): Promise<SessionExitCode> {
    let failure: Failure | undefined;
    const looking = setInterval(this.#look, LOOK_MS);
    try {
      await this.#open();
      await this.#gather();
      this.#started = true;
      this.#say('started');
      await this.#work();
    } catch (error) {
      failure = toFailure(this.#signal.aborted ? this.#signal.reason : error);
    } finally {
      clearInterval(looking);
    }
    await this.#dismiss(failure);
    this.#admissions.end();
    const exitCode = this.#exitCode(failure);
    this.#say('finished', { exitCode, ...(failure ? { failure } : {}) });
    this.#options.audit({ what: 'finished', ...(failure ? { why: failure.message } : {}) });
    this.#over.abort();
    return exitCode;
  }

  async #open(): Promise<void> {
    const { address, ports, keys, settle } = this.#options;
    this.#controlPort = await startControlServer({
      keys,
      host: address,
      port: ports.control,
      onControl: this.#reception.receive,
      onSettle: (channel, token, { identity }) => {
        const member = identity === null ? undefined : this.#roster.byPin(identity.pin);
        settle.serve(channel, token, member?.number, this.#signal);
        return member !== undefined;
      },
      say: (line) => this.#warn(`control port: ${line}`),
      // Not with the stop signal: the nodes are still to be told of it.
      signal: this.#over.signal,
    });
    await this.#releases.listen();
    await announce({
      port: ports.offer,
      address,
      offer: this.#offer,
      signal: this.#signal,
      onError: (error) => this.#warn(`announcing: ${error.message}`),
    });
    if (keys.renewed !== undefined) this.#warn(keys.renewed);
    const { count } = this.#admissions;
    if (count > 0) {
      this.#warn(
        `this session was not ended before: ${count} nodes admitted then are let in again`,
      );
    }
    this.#options.audit({ what: 'open' });
    this.#say('open', {
      network: this.#options.network,
      fingerprint: keys.pin,
      plan: this.#options.blueprint.summary,
    });
    this.#options.onOpen(this.#join);
  }

  get #join(): string {
    const { token } = this.#admissions;
    const { pin } = this.#options.keys;
    return formatJoinString({ host: this.#host, port: this.#controlPort, token, pin });
  }

  /** Where nodes reach it, as far as is known. */
  get #host(): string {
    return this.#options.address ?? ipv4Interfaces()[0]?.address ?? '0.0.0.0';
  }

  #warn(message: string): void {
    this.#options.emit({ kind: 'log', node: null, level: 'warning', message });
  }

  #offer = (): Offer => ({
    ka: 'offer',
    protocol: PROTOCOL_VERSION,
    session: this.#options.name,
    host: this.#options.address ?? null,
    port: this.#controlPort,
    fingerprint: this.#options.keys.pin,
    admit: this.#options.admit,
    present: this.#roster.all.length,
    wanted: this.#options.wanted,
    state: this.#started ? 'running' : 'waiting',
  });

  #say(
    state: 'open' | 'started' | 'finished',
    more: Partial<Extract<NewEvent, { kind: 'session' }>> = {},
  ): void {
    const { name, wanted, emit } = this.#options;
    const address = `${this.#host}:${this.#controlPort}`;
    emit({ ...more, kind: 'session', state, name, address, wanted });
  }

  /** Waits until all are here, the operator says go, or the wait is over. */
  async #gather(): Promise<void> {
    const { wanted, minNodes, waitTimeoutMs } = this.#options;
    const usable = () => this.#roster.count('waiting');
    const answered = () => usable() + this.#roster.count('refused');
    const complete = await this.#roster.until(
      () => answered() >= wanted || (this.#startedEarly && usable() > 0),
      this.#signal,
      waitTimeoutMs,
    );
    if (complete || usable() >= minNodes) return;
    throw new NamedError(
      'NotEnoughNodes',
      `only ${usable()} of ${wanted} nodes came within ${(waitTimeoutMs ?? 0) / 1000} s; boot the missing ones or use --min-nodes`,
    );
  }

  async #work(): Promise<void> {
    for (;;) {
      await this.#rest();
      const pending = this.#roster.all.filter(isPending);
      const bare = pending.find(lacksStage2)?.hello.image;
      if (bare) {
        await this.#equip(
          bare,
          pending.filter(({ hello }) => hello.image === bare),
        );
        continue;
      }
      for (const member of pending) this.#prepare(member);
      // The golden has nothing else to do while nodes prepare; the pass hears what comes of it.
      const encoding = this.#encoding();
      if (typeof encoding === 'function') encoding().catch(() => undefined);
      await this.#prepared();
      const ready = this.#roster.all.filter((member) => member.state === 'ready');
      if (ready.length > 0) {
        await this.#runPass(ready, this.#options.blueprint.sources, encoding);
      } else {
        const settled = () => this.#roster.all.every(isFinal) && this.#releases.areAllGone;
        await this.#roster.until(() => this.#hasNextWork() || settled(), this.#signal);
        if (settled()) return;
      }
    }
  }

  /** Before a pass that is the last one for a node. */
  async #rest(): Promise<void> {
    const rests = (member: Member) => isPending(member) && isLastPass(member);
    const resting = this.#roster.all.filter(rests);
    if (resting.length === 0) return;
    for (const member of resting) {
      const why = `${member.why ?? 'missed'}; its last pass begins in ${LAST_PASS_REST_MS / 1000} s`;
      this.#roster.set(member, member.state, { why });
    }
    await this.#roster.until(() => !this.#roster.all.some(rests), this.#signal, LAST_PASS_REST_MS);
  }

  #hasNextWork(): boolean {
    return this.#roster.all.some((member) => isPending(member) || member.state === 'ready');
  }

  /** Gives stage2 to nodes that booted from this image: tools, and drivers for their disks. */
  async #equip(image: string, members: readonly Member[]): Promise<void> {
    const stage2 = this.#options.stage2Of(image);
    if (!stage2)
      throw new RangeError(`no stage2 of image ${image}, though its nodes were admitted`);
    const { source, sha256 } = stage2;
    const bytes = source.plan.expectedBytes ?? 0;
    for (const member of members) {
      if (this.#missedTooMany(member)) continue;
      this.#roster.set(member, 'preparing');
      tell(member, { type: 'equip', bytes, sha256, ringBytes: this.#options.ringBytes });
    }
    await this.#prepared();
    const ready = members.filter(({ state }) => state === 'ready');
    // It is compressed as well as can be.
    if (ready.length > 0) await this.#runPass(ready, [source], 'identity');
    // Drivers may take a while; who has its disks need not wait for who still looks for them.
    await this.#roster.until(
      () => !members.some(({ state }) => state === 'receiving'),
      this.#signal,
      PREPARE_GRACE_MS,
    );
  }

  /** Stage2 is in place, and the node knows its disks now. */
  #equipped(member: Member, inventory: Hello['inventory']): void {
    member.hello = { ...member.hello, image: null, inventory };
    member.passes = 0;
    try {
      this.#planFor(member.hello, member.name);
    } catch (error) {
      this.#fail(member, toFailure(error));
      return;
    }
    const note = this.#options.blueprint.disksNote(member.hello);
    this.#roster.set(member, 'waiting', { why: ['has stage2', note ?? []].flat().join('; ') });
  }

  /** Fails a node that had as many tries as it gets. */
  #missedTooMany(member: Member): boolean {
    member.plans += 1;
    if (member.plans > MAX_PLANS) {
      const message = `${member.name} began to prepare ${MAX_PLANS} times and came into no pass; look at its console, then clone it again`;
      this.#fail(member, { code: 'TooManyPlans', message });
      return true;
    }
    if (member.passes < MAX_PASSES) return false;
    const message = `${member.name} missed ${MAX_PASSES} passes (last: ${member.why ?? 'unknown'}); check its disk and network, then clone it again`;
    this.#fail(member, { code: 'TooManyPasses', message });
    return true;
  }

  #prepare(member: Member): void {
    if (this.#missedTooMany(member)) return;
    try {
      const plan = this.#planFor(member.hello, member.name);
      this.#roster.set(member, 'preparing');
      tell(member, { type: 'plan', plan });
    } catch (error) {
      this.#fail(member, toFailure(error));
    }
  }

  #planFor(hello: Hello, name: string): ClonePlan {
    return this.#options.blueprint.planFor(hello, name);
  }

  /** Waits for nodes that prepare; a slow one does not hold the ready ones back for long. */
  async #prepared(): Promise<void> {
    const preparing = () => this.#roster.count('preparing');
    const someReady = () => preparing() === 0 || this.#roster.count('ready') > 0;
    await this.#roster.until(someReady, this.#signal);
    await this.#roster.until(() => preparing() === 0, this.#signal, PREPARE_GRACE_MS);
  }

  async #runPass(
    members: Member[],
    sources: readonly StreamSource[],
    encoding: PassOptions['encoding'],
  ): Promise<void> {
    const { name, network, address, ports, ringBytes, slow, logs, emit } = this.#options;
    const pass = new Pass({
      number: this.#admissions.nextPass(),
      members,
      roster: this.#roster,
      session: name,
      network,
      listen: { host: address ?? '0.0.0.0', port: ports.data },
      ringBytes,
      sources,
      encoding,
      slow,
      emit,
      log: (line) => logs.append(GOLDEN_NODE, [line]),
      signal: this.#signal,
    });
    this.#pass = pass;
    for (const member of members) {
      member.plans = 0;
      this.#patience.begin(member, pass.number, performance.now());
    }
    try {
      this.#totals.push(await pass.run());
    } finally {
      this.#pass = undefined;
    }
    for (const member of members) if (member.state === 'received') this.#complete(member);
  }

  /** How to send, or the measurement to choose by: made once for the session, on its first source. */
  #encoding(): Encoding | (() => Promise<SourceRates>) {
    const { compress, blueprint, logs } = this.#options;
    const [first] = blueprint.sources;
    if (compress !== 'auto') return compress;
    if (first === undefined) return 'identity';
    const log = (line: string) => logs.append(GOLDEN_NODE, [line]);
    return () => {
      this.#sourceRates ??= measureSource(first, log, this.#signal);
      return this.#sourceRates;
    };
  }

  #complete(member: Member): void {
    this.#roster.set(member, 'finishing');
    const settle = this.#options.settle.admit(member.number);
    tell(member, { type: 'complete', settle, home: this.#releases.homeOf(member) });
  }

  /** Who lives and does not get on is not waited for. */
  #look = (): void => {
    const standing = this.#pass?.standing;
    for (const { member, failure } of this.#patience.look(
      this.#roster.all,
      standing,
      performance.now(),
    )) {
      this.#options.settle.dismiss(member.number);
      tell(member, { type: 'eject', reason: failure.message, final: false });
      this.#fail(member, failure);
    }
  };

  #fail(member: Member, failure: Failure): void {
    this.#pass?.drop(member, failure.message);
    this.#roster.set(member, 'failed', { failure });
  }

  // Nodes come and go

  /** Why there is no place for a node, whoever it is; undefined when there is. */
  #obstacle = (hello: Hello, pin: string): string | undefined => {
    const { name, wanted, stage2Of } = this.#options;
    if (hello.session !== null && hello.session !== name) {
      return `it wants session "${hello.session}", this golden has "${name}"`;
    }
    if (hello.image !== null && !stage2Of(hello.image)) {
      return `it booted from boot image ${hello.image}, which this golden does not have; boot it from this golden (ka pxe serve)`;
    }
    const other = this.#roster.withMac(hello.inventory.macs, pin);
    const member = this.#roster.byPin(pin) ?? other;
    if (member?.state === 'booting') {
      return 'it is cloned, but was started from the network again; let it boot its disk (ka pxe default local MAC, or its firmware)';
    }
    if (member && isCloned(member)) return 'this machine is already cloned in this session';
    if (other?.link) {
      return `a machine with its MAC address is in this session already: ${other.name} (${other.address}); end one of them`;
    }
    const active = this.#roster.all.filter(
      (one) =>
        one !== member && one.state !== 'refused' && one.state !== 'lost' && one.state !== 'failed',
    );
    return active.length >= wanted
      ? `session "${name}" has all its ${wanted} nodes; start another session for this one`
      : undefined;
  };

  /** Takes in a node that was admitted. */
  #enter = (newcomer: Newcomer): Resident | undefined => {
    const { hello, link, pin } = newcomer;
    const known = this.#roster.byPin(pin) ?? this.#roster.withMac(hello.inventory.macs, pin);
    const givenUp = known?.state === 'lost' ? known.why : undefined;
    const member = known ? this.#readmit(known, newcomer) : this.#add(newcomer);
    const { name, wanted } = this.#options;
    try {
      // What disks it has cannot be known before it has stage2.
      if (!lacksStage2(member)) this.#planFor(hello, member.name);
    } catch (error) {
      const failure = toFailure(error);
      this.#roster.set(member, 'refused', { failure });
      this.#reception.turnAway(link, failure.message);
      member.link = null;
      return undefined;
    }
    tell(member, {
      type: 'welcome',
      session: name,
      node: member.number,
      name: member.name,
      present: this.#roster.all.length,
      wanted,
      time: Date.now(),
    });
    if (givenUp !== undefined) {
      const reason = `${member.name} was given up (${givenUp}) and gets the next one`;
      tell(member, { type: 'eject', reason, final: false });
    }
    const notes = [
      known && this.#started ? 'joined again' : [],
      lacksStage2(member) ? [] : (this.#options.blueprint.disksNote(hello) ?? []),
    ].flat();
    this.#roster.set(member, 'waiting', notes.length > 0 ? { why: notes.join('; ') } : {});
    for (const other of this.#roster.all) {
      if (other.state === 'waiting' && other !== member) {
        tell(other, { type: 'waiting', present: this.#roster.all.length, wanted });
      }
    }
    return {
      hear: (message) => this.#hear(member, message),
      left: (why) => {
        // Links that close after the end tell nothing new.
        if (member.link === link && !this.#over.signal.aborted) this.#lose(member, why);
      },
    };
  };

  #add({ hello, link, pin, verdict }: Newcomer): Member {
    const taken = new Set(this.#roster.all.map((member) => member.name));
    const number = this.#roster.all.length + 1;
    const { address } = link.peer;
    const name = this.#options.blueprint.nameFor(hello, address, number, taken);
    return this.#roster.add(name, { hello, link, pin, bootMac: verdict.bootMac });
  }

  /** The same machine again: its link broke, or it restarted and was admitted anew. */
  #readmit(member: Member, { hello, link, pin, verdict }: Newcomer): Member {
    const old = member.link;
    member.link = null;
    if (old) this.#reception.turnAway(old, 'the same node joined again');
    this.#pass?.drop(member, `${member.name} joined again`);
    member.hello = hello;
    member.pin = pin;
    member.bootMac = verdict.bootMac;
    member.address = link.peer.address;
    member.link = link;
    return member;
  }

  #lose(member: Member, why: string): void {
    member.link = null;
    this.#options.settle.dismiss(member.number);
    this.#pass?.drop(member, `${member.name}: ${why}`);
    if (!isFinal(member) && !isCloned(member)) {
      const message = `${member.name} (${member.address}) was lost: ${why}; look at its console`;
      this.#roster.set(member, 'lost', { why, failure: { code: 'NodeLost', message } });
    } else {
      // The end of the session waits for links to close.
      this.#roster.changed();
    }
  }

  #hear(member: Member, message: NodeMessage): void {
    const { emit, logs } = this.#options;
    switch (message.type) {
      case 'step': {
        const { type: _type, ...step } = message;
        emit({ kind: 'step', node: member.number, ...step });
        if (step.step === PHONE_HOME && step.state === 'skip') this.#releases.willNotReport(member);
        return;
      }
      case 'position':
        this.#patience.position(member, message);
        this.#pass?.position(member, message);
        return;
      case 'trouble':
        this.#pass?.trouble(member, message);
        return;
      case 'inventory':
        // Only where it brought drivers: a plan was made from what was said at first.
        if (lacksStage2(member) && member.state === 'receiving') {
          this.#equipped(member, message.inventory);
        }
        return;
      case 'phase':
        this.#advance(member, message);
        return;
      case 'log':
        logs.append(member.number, message.lines);
        return;
      case 'warning': {
        const text = `${member.name}: ${message.message}`;
        emit({ kind: 'log', node: member.number, level: 'warning', message: text });
        return;
      }
    }
  }

  #advance(member: Member, message: Extract<NodeMessage, { type: 'phase' }>): void {
    const { state } = member;
    if (message.phase === 'failed') {
      if (isFinal(member)) return;
      const unknown = { code: 'UnknownError', message: `${member.name} failed without a reason` };
      this.#fail(member, message.failure ?? unknown);
    } else if (message.phase === 'prepared' && state === 'preparing') {
      this.#roster.set(member, 'ready');
    } else if (message.phase === 'received' && state === 'receiving') {
      this.#roster.set(member, 'received');
      // The pass is over for one whose disk was the last to finish.
      if (!this.#pass?.includes(member)) this.#complete(member);
    } else if (message.phase === 'complete' && state === 'finishing') {
      this.#options.settle.dismiss(member.number);
      // In this order: the session must not seem to be over in between.
      this.#releases.release(member);
      this.#roster.set(member, 'done');
    }
  }

  /** Lets go whoever is still here; only cloned nodes were told to reboot. */
  async #dismiss(failure: Failure | undefined): Promise<void> {
    await this.#releases.allLetGo();
    this.#reception.requests.close('the session is over');
    for (const member of this.#roster.all) {
      if (isCloned(member)) continue;
      const reason = failure?.message ?? member.why ?? 'the session is over';
      if (failure && !isFinal(member)) this.#fail(member, failure);
      tell(member, { type: 'eject', reason, final: true });
    }
    const links = () => this.#roster.all.some((member) => member.link);
    // Nodes close their links once they have the message; a hung one is not waited for.
    await this.#roster.until(() => !links(), this.#over.signal, DISMISS_MS);
  }

  #exitCode(failure: Failure | undefined): SessionExitCode {
    const done = this.#roster.all.filter(isCloned).length;
    if (done === 0) return 1;
    if (failure !== undefined) return 2;
    // Also one that was not waited for is missing: somebody wanted it.
    return done >= this.#options.wanted ? 0 : 2;
  }
}
