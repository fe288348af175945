/**
 * One data connection of the model, both ends and the line between. Stands for
 * TCP: bytes come in order or not at all, and a line that is cut holds them
 * back until it is mended; neither end is told.
 */
import type { ChainOrder } from '../../protocol/control.ts';
import type { LinkAnswer, LinkGet } from '../../protocol/link.ts';
import type { LinkEnd } from '../../relay/redial.ts';
import { HANDSHAKE_MS, STALL_MS } from '../../relay/tuning.ts';
import type { ModelHop } from './model-hop.ts';
import type { ModelNode } from './model-node.ts';
import type { ModelOutlet } from './model-outlet.ts';
import { FRAME } from './model-ring.ts';
import type { World } from './world.ts';

/** Frames in the buffers of both kernels and on the line. */
const WINDOW = 4;
const ANSWER = Symbol('answer');
const END = Symbol('end');

export class ModelLink {
  readonly up: ModelNode;
  readonly down: ModelNode;
  /** Position of the next frame to be given to the kernel. */
  sent = 0;
  paused = false;
  connected = false;
  readonly #world: World;
  readonly #hop: ModelHop;
  /** What the downstream asks for, and the key it proves that with. */
  readonly #get: LinkGet;
  readonly #key: string;
  /** The upstream's side, once it has accepted. */
  #server: ModelOutlet | null = null;
  #upOver = false;
  #downOver = false;
  #reading = false;
  /** What has come to the machine of the downstream and was not read yet. */
  readonly #inbox: (number | typeof ANSWER | typeof END)[] = [];
  #answer: LinkAnswer | null = null;
  #taken = 0;
  #given = 0;
  #lineFreeMs = 0;
  #lastAck: readonly number[] | null = null;

  /** Dials. */
  constructor(world: World, hop: ModelHop, { epoch, upstream }: ChainOrder) {
    this.#world = world;
    this.up = world.node(upstream.node);
    this.down = hop.node;
    this.#hop = hop;
    this.#key = upstream.key;
    const position = hop.ring.verified;
    this.#get = { pass: hop.pass, epoch, node: hop.node.number, position };
    this.sent = position;
    this.up.links.add(this);
    this.down.links.add(this);
    const { clock } = world;
    const oneWayMs = world.latencyMs;
    this.down.after(HANDSHAKE_MS, () => {
      if (!this.connected) this.#endDown('lost');
    });
    // Connect, accepted, hello, request: three ways before the upstream can answer.
    clock.after(3 * oneWayMs, () => {
      if (this.#downOver || this.#blocked) return;
      this.up.run(() => {
        if (this.#downOver) return;
        const outlet = this.up.outlet;
        if (outlet === null) {
          clock.after(oneWayMs, () => this.down.run(() => this.#endDown('lost')));
          return;
        }
        this.consider(outlet);
        this.up.after(HANDSHAKE_MS, () => {
          if (this.#answer === null) this.closeUp();
        });
      });
    });
  }

  /** Upstream: answers the request, or hangs up; may do neither yet. */
  consider(outlet: ModelOutlet): void {
    if (this.#upOver) return;
    const admission = outlet.admit(this, this.#get, (key) => key === this.#key);
    if (admission === 'hold') return;
    if (admission === 'decline') {
      this.closeUp();
      return;
    }
    this.#answer = admission;
    if (admission.status === 'ok') this.#server = outlet;
    this.#deliver(ANSWER);
    if (admission.status === 'ok') this.pump();
    else this.#upOver = true;
  }

  /** Upstream: gives the kernel what is verified, as far as it takes it. */
  pump(): void {
    const ring = this.up.outlet?.ring;
    if (ring === undefined || this.#upOver || !this.up.running) return;
    // Without word from the other end a kernel takes nothing more.
    if (this.#world.blocked(this.down, this.up)) return;
    while (this.sent < ring.verified && this.#given - this.#taken < WINDOW) {
      const content = ring.read(this.sent);
      this.sent += FRAME;
      this.#given += 1;
      const damaged = this.down.damage();
      this.#deliver(damaged ? ~content : content);
    }
  }

  /** Upstream: closes its end; what it gave to the kernel before still arrives. */
  closeUp(): void {
    if (this.#upOver) return;
    this.#upOver = true;
    this.#deliver(END);
    this.#forget();
  }

  /** Downstream: closes its end. */
  closeDown(): void {
    if (this.#downOver) return;
    this.#downOver = true;
    this.#inbox.length = 0;
    this.#world.clock.after(this.#world.latencyMs, () => {
      if (this.#upOver || this.#world.blocked(this.down, this.up)) return;
      this.#upOver = true;
      this.#forget();
      this.up.run(() => this.#server?.onEnd(this));
    });
    this.#forget();
  }

  /** Downstream: there is room again. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#read();
  }

  /** Downstream: says what it and those behind it have. */
  acknowledge(acks: readonly number[]): void {
    this.#world.clock.after(this.#world.latencyMs, () => {
      this.#lastAck = acks;
      this.#readAck();
    });
  }

  /** The line is mended, or a stopped process goes on. */
  wake(): void {
    this.#read();
    this.#readAck();
    this.pump();
  }

  /** The line or the upstream stops, perhaps in the middle of a frame: that is noticed. */
  interrupt(): void {
    const taken = this.#taken;
    this.down.after(STALL_MS, () => {
      if (this.connected && !this.paused && this.#taken === taken) this.#endDown('damaged');
    });
  }

  get #blocked(): boolean {
    return this.#world.blocked(this.up, this.down) || this.#world.blocked(this.down, this.up);
  }

  #deliver(what: number | typeof ANSWER | typeof END): void {
    const { clock, latencyMs } = this.#world;
    const frameMs = typeof what === 'number' ? this.#world.frameMs(this.up, this.down) : 0;
    this.#lineFreeMs = Math.max(this.#lineFreeMs, clock.nowMs) + frameMs;
    clock.at(this.#lineFreeMs + latencyMs, () => {
      if (this.#downOver) return;
      this.#inbox.push(what);
      this.#read();
    });
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    while (this.#inbox.length > 0 && !this.#downOver && !this.paused) {
      if (!this.down.running || this.#world.blocked(this.up, this.down)) break;
      const [first] = this.#inbox;
      if (typeof first === 'number' && !this.#hop.ring.hasRoom) {
        this.paused = true;
        this.#hop.noteWait();
        break;
      }
      this.#inbox.shift();
      this.#take(first);
    }
    this.#reading = false;
  }

  #take(what: number | typeof ANSWER | typeof END | undefined): void {
    if (what === END) {
      this.#endDown(this.connected ? 'lost' : 'declined');
    } else if (what === ANSWER) {
      const answer = this.#answer;
      if (answer === null) return;
      this.connected = answer.status === 'ok';
      if (!this.connected) this.closeDown();
      this.#hop.answered(this, answer);
    } else if (what !== undefined) {
      this.#taken += 1;
      if (!this.#hop.take(what)) this.#endDown('damaged');
      this.pump();
    }
  }

  #readAck(): void {
    const acks = this.#lastAck;
    if (acks === null || this.#upOver || !this.up.running) return;
    if (this.#world.blocked(this.down, this.up)) return;
    this.#lastAck = null;
    this.#server?.onAck(this, acks);
  }

  #endDown(how: LinkEnd): void {
    if (this.#downOver) return;
    this.closeDown();
    this.#hop.linkEnded(this, how);
  }

  #forget(): void {
    if (this.#upOver) this.up.links.delete(this);
    if (this.#downOver) this.down.links.delete(this);
  }
}
