/** A golden that waits for nodes, and strangers, machines that ask and nodes gone bad at its control port. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { commitmentOf } from '../../../trust/code.ts';
import { type KeyPair, makeKeyPair } from '../../../trust/key-pair.ts';
import { publicBytes } from '../../../trust/pin.ts';
import { issueTicket } from '../../../trust/tickets.ts';
import { connectNode, type GoldenSession, openSession } from '../../support/golden-session.ts';
import { someHello } from '../../support/hello.ts';
import { bytesLike, jsonLike, like } from '../hostile.ts';
import { living, mustBe } from '../target.ts';
import { Health } from './support/health.ts';
import { nodeMessages } from './support/node-messages.ts';
import { treeOf } from './support/tree.ts';
import { type Ending, ending, strangerAddress, visit } from './support/visit.ts';
import { rawFrame, textFrame, upgrade } from './support/websocket-frames.ts';
import { within } from './support/within.ts';

const MAC = '52:54:00:00:00:01';
const HONEST_MAC = '52:54:00:00:ff:01';

/** What only is known when the case is said stands for itself in it. */
const TOKEN = 'a'.repeat(26);
const TICKET = 'b'.repeat(26);
const COMMITMENT = 'c'.repeat(64);
const NONCE = 'd'.repeat(32);

const hello = (admission: object, changes: object = {}) => {
  const some = someHello({ target: 'directory', ...changes });
  return { ...some, admission: { ...some.admission, commitment: COMMITMENT, ...admission } };
};

const knocks = [
  hello({ token: TOKEN }),
  hello({ ticket: TICKET }),
  hello({}),
  hello({ open: true }),
  hello({ token: TOKEN }, { target: 'disks', name: 'somebody' }),
  { type: 'hello', protocol: 1 },
  { type: 'commit', commitment: COMMITMENT },
  { type: 'open', nonce: NONCE },
  { type: 'open', nonce: 'e'.repeat(32) },
  { type: 'agree' },
];

interface Peer {
  /** Which of the keys a few machines have; null = it shows no certificate, undefined = no TLS. */
  machine: number | null | undefined;
  /** Path it opens a WebSocket at; null = it says something else. */
  path: string | null;
  /** Messages in frames as they should be, and bytes as they are. */
  says: (string | Buffer)[];
  ending: Ending;
}

/** Those that come in stay known to the session; so those that ask are others, and more of them. */
const MEMBERS = 3;
const MACHINES = 24;
const machine = fc.oneof(
  { weight: 9, arbitrary: fc.nat({ max: MEMBERS - 1 }) },
  { weight: 1, arbitrary: fc.constant(null) },
);

/** Garbage, to a TCP port or through TLS. */
const noise: fc.Arbitrary<Peer> = fc.record({
  machine: fc.oneof(fc.constant(undefined), machine),
  path: fc.constant(null),
  says: fc.array(
    fc.oneof(
      bytesLike(Buffer.from('160301020001000001fc0303', 'hex')),
      like(
        upgrade('/control'),
        upgrade('/settle?token=x'),
        'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      ).map((text) => Buffer.from(text)),
    ),
    { maxLength: 4 },
  ),
  ending,
});

/** Frames that are none, also where rsync is to be. */
const frames: fc.Arbitrary<Peer> = fc.record({
  machine,
  path: fc.oneof(
    fc.constant('/control'),
    like('/control', `/settle?token=${TOKEN}`, '//', 'http://['),
  ),
  says: fc.array(rawFrame, { maxLength: 6 }),
  ending,
});

const said = (...values: readonly unknown[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...values.map((value) => JSON.stringify(value))) },
    { weight: 3, arbitrary: jsonLike(...values) },
  );

const asking = [hello({}), { type: 'open', nonce: NONCE }, { type: 'agree' }].map((message) =>
  JSON.stringify(message),
);

/** Who knocks, in any order, some after they began rightly. */
const knocking: fc.Arbitrary<Peer> = fc.record({
  machine: fc.integer({ min: MEMBERS, max: MACHINES - 1 }),
  path: fc.constant('/control'),
  says: fc
    .tuple(
      fc.nat({ max: asking.length }),
      fc.array(said(...knocks), { minLength: 1, maxLength: 5 }),
    )
    .map(([right, rest]) => [...asking.slice(0, right), ...rest]),
  ending,
});

/** Who is in, and says what it likes. */
const member: fc.Arbitrary<Peer> = fc.record({
  machine,
  path: fc.constant('/control'),
  says: fc
    .array(
      fc.oneof({ weight: 9, arbitrary: said(...nodeMessages) }, { weight: 1, arbitrary: rawFrame }),
      {
        maxLength: 6,
      },
    )
    .map((messages) => [JSON.stringify(hello({ token: TOKEN })), ...messages]),
  ending,
});

/** What an operator does meanwhile, without looking. */
const operator = fc.constantFrom('nothing', 'admit', 'deny', 'eject', 'retry');

const input = fc.record({
  peers: fc.array(
    fc.oneof(
      { weight: 1, arbitrary: noise },
      { weight: 1, arbitrary: frames },
      { weight: 2, arbitrary: knocking },
      { weight: 3, arbitrary: member },
    ),
    { minLength: 1, maxLength: 3 },
  ),
  operator,
});

/** A session has so many cases: what it remembers of strangers is bounded. */
const CASES = 50;
/** An operator is as fast as strangers are. */
const OPERATE_MS = 2;
const WELCOME_MS = 3000;
const END_MS = 10_000;
/** What one case may add to journal and audit. */
const MOST_GROWTH = 256 * 1024;

/** Everything a golden's session writes. */
const OWN_FILES =
  /^state\/(?:$|golden\/(?:file)?$|description\.json$|keys\/(?:golden\.key|operator\.key)?$|pxe\/(?:tickets\.json(?:\.lock)?)?$|run\/(?:attacked\.admissions\.json)?$|session-\w+\/(?:(?:audit|journal)\.jsonl|node-\d+\.log)?$)/;

class ControlPort {
  readonly input = input;
  readonly #parent = mkdtempSync(join(tmpdir(), 'ka-fuzz-'));
  readonly #health: Health;
  readonly #keys: readonly KeyPair[];
  #golden: GoldenSession | undefined;
  #cases = 0;
  #callers = 0;

  constructor(keys: readonly KeyPair[]) {
    this.#keys = keys;
    this.#health = new Health();
  }

  async holds({ peers, operator: wish }: { peers: Peer[]; operator: string }): Promise<void> {
    const golden = await this.#session();
    const before = this.#written(golden);
    const operating = setInterval(() => this.#operate(golden, wish), OPERATE_MS);
    try {
      await Promise.all(peers.map((peer) => this.#call(golden, peer)));
    } finally {
      clearInterval(operating);
    }
    await this.#enter(golden);
    const growth = this.#written(golden) - before;
    mustBe(growth < MOST_GROWTH, `journal and audit grew by ${growth} bytes`);
    const strange = treeOf(this.#parent).filter(
      (path) => path !== 'state/' && !OWN_FILES.test(path),
    );
    mustBe(strange.length === 0, `it wrote ${strange.join(', ')}`);
    await this.#health.check();
  }

  /** The one that runs, or the next one when it has had its cases. */
  async #session(): Promise<GoldenSession> {
    if (this.#golden && this.#cases % CASES === 0) await this.#end();
    this.#cases += 1;
    const state = join(this.#parent, 'state');
    process.env.KA_STATE_DIR = state;
    if (this.#golden) return this.#golden;
    mkdirSync(state, { recursive: true });
    this.#golden = await openSession({ state, wanted: 1000 });
    return this.#golden;
  }

  async #end(): Promise<void> {
    const golden = this.#golden;
    this.#golden = undefined;
    if (golden)
      await within(END_MS, 'the session ends', Promise.resolve(golden[Symbol.asyncDispose]()));
  }

  #written({ directory }: GoldenSession): number {
    const sizes = ['journal.jsonl', 'audit.jsonl'].map(
      (file) => statSync(join(directory, file)).size,
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async #call(golden: GoldenSession, { machine: number, path, says, ending: how }: Peer) {
    const { host, port } = golden.join;
    this.#callers += 1;
    const keys = typeof number === 'number' ? this.#keys[number] : undefined;
    const words = says.map((piece) =>
      typeof piece === 'string' ? textFrame(this.#filledIn(piece, golden, keys)) : piece,
    );
    await visit(
      {
        to: { host, port },
        from: strangerAddress(this.#callers),
        ...(number !== undefined && { tls: keys ? { key: keys.key, cert: keys.cert } : {} }),
      },
      path === null ? words : [upgrade(path), ...words],
      how,
    );
  }

  #filledIn(text: string, { join: { token } }: GoldenSession, keys: KeyPair | undefined): string {
    return text
      .replaceAll(TOKEN, token)
      .replaceAll(TICKET, () => issueTicket(MAC))
      .replaceAll(COMMITMENT, (none) => (keys ? commitmentOf(publicOf(keys), NONCE) : none));
  }

  #operate({ session }: GoldenSession, wish: string): void {
    const codes = session.requests.pending.flatMap(({ code }) => code ?? []);
    if (wish === 'admit') for (const code of codes) session.requests.admit(code, 'a test');
    else if (wish === 'deny') for (const code of codes) session.requests.deny(code, 'a test');
    for (const { number } of session.members) {
      if (wish === 'eject') session.eject(number, 'a test');
      else if (wish === 'retry') session.retry(number, 'a test');
    }
  }

  /** A node that does everything right comes in, and goes. */
  async #enter({ join: joining }: GoldenSession): Promise<void> {
    const node = await within(WELCOME_MS, 'a node reaches it', connectNode(joining));
    const { link } = node;
    const welcome = new Promise<string>((resolve) => {
      link.listen(({ type }) => type === 'welcome' && resolve(type));
    });
    const own = someHello({ target: 'directory' });
    link.send({
      ...own,
      inventory: { ...own.inventory, macs: [HONEST_MAC] },
      admission: { ...own.admission, token: joining.token },
    });
    const first = await within(WELCOME_MS, 'its welcome', Promise.race([welcome, link.closed]));
    mustBe(first === 'welcome', `a node was turned away: ${first}`);
    await link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    this.#health[Symbol.dispose]();
    rmSync(this.#parent, { recursive: true });
  }
}

const publicOf = ({ key }: KeyPair): Buffer => publicBytes(createPublicKey(createPrivateKey(key)));

export const controlLink = living(
  'control link',
  async () => {
    const keys = await Promise.all(Array.from({ length: MACHINES }, makeKeyPair));
    return new ControlPort(keys);
  },
  3,
);
