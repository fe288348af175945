/** A golden's session in this process, on 127.0.0.1, that waits for nodes. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GoldenLink } from '../../client-agent/golden-link.ts';
import { Audit } from '../../golden/audit.ts';
import { makeBlueprint } from '../../golden/blueprint.ts';
import { EventBus } from '../../golden/event-bus.ts';
import type { AdmitPolicy } from '../../golden/gate.ts';
import { openJournal } from '../../golden/journal.ts';
import { NodeLogs } from '../../golden/node-logs.ts';
import { Session } from '../../golden/session.ts';
import { SettleService } from '../../golden/settle-service.ts';
import type { GoldenMessage } from '../../protocol/control.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import { goldenKeys } from '../../trust/golden-keys.ts';
import { type JoinString, parseJoinString } from '../../trust/join-string.ts';
import { type KeyPair, makeKeyPair } from '../../trust/key-pair.ts';
import { publicBytes } from '../../trust/pin.ts';

const HOST = '127.0.0.1';

/** A TCP port nobody listens on now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

export interface GoldenSession extends AsyncDisposable {
  session: Session;
  /** State directory of the golden, and of this process as long as it is open. */
  state: string;
  /** Directory of the session. */
  directory: string;
  join: JoinString;
  offerPort: number;
  events: SessionEvent[];
  audit: () => { what: string; why?: string; by?: string }[];
  over: Promise<number>;
}

export interface GoldenSessionOptions {
  wanted?: number;
  admit?: AdmitPolicy;
  /** Node list of the description. */
  nodes?: readonly { name: string; mac: string }[];
  /** Of an earlier session that was killed. */
  state?: string;
  offerPort?: number;
}

/** Opens it; disposing it stops it and forgets its state. */
export const openSession = async (options: GoldenSessionOptions = {}): Promise<GoldenSession> => {
  const { wanted = 3, admit = 'secret', nodes = [] } = options;
  const state = options.state ?? mkdtempSync(join(tmpdir(), 'ka-session-'));
  process.env.KA_STATE_DIR = state;
  const root = join(state, 'golden');
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'file'), 'golden\n');
  const description = join(state, 'description.json');
  const partition = { size: 'fill', filesystem: 'ext4', mount: '/' };
  const disks = [{ name: 'sda', table: 'msdos', partitions: [partition] }];
  writeFileSync(description, JSON.stringify({ disks, nodes }));
  const over = new AbortController();
  const blueprint = await makeBlueprint(
    {
      root,
      network: 'open',
      descriptions: [['sda', description]],
      exclude: [],
      skipDevices: undefined,
      rawPartitions: [],
      bootCodeOf: [],
      bootCodeFiles: [],
      bootloader: 'none',
      mayCompress: false,
    },
    over.signal,
  );
  const directory = mkdtempSync(join(state, 'session-'));
  const bus = new EventBus();
  const events: SessionEvent[] = [];
  bus.subscribe((event) => events.push(event));
  const trouble = (message: string): never => {
    throw new Error(message);
  };
  const journal = openJournal(directory, trouble);
  bus.subscribe(journal.write);
  const audit = new Audit(directory, (error) => {
    throw error;
  });
  const logs = new NodeLogs(directory, trouble);
  const keys = await goldenKeys();
  const opened = Promise.withResolvers<string>();
  const [control, data] = [await freePort(), await freePort()];
  const offerPort = options.offerPort ?? (await freePort());
  const session = new Session({
    name: 'attacked',
    wanted,
    minNodes: wanted,
    waitTimeoutMs: undefined,
    address: HOST,
    ports: { control, data, offer: offerPort, home: 0 },
    ringBytes: 4 * 1024 * 1024,
    releaseDelayMs: 0,
    rebootWindow: 50,
    phoneHome: false,
    stage2Of: () => undefined,
    compress: 'identity',
    network: 'open',
    slow: { policy: 'wait', share: 0.5 },
    blueprint,
    keys,
    publicKey: publicBytes(createPublicKey(createPrivateKey(keys.key))),
    admit,
    onOpen: opened.resolve,
    audit: audit.write,
    settle: new SettleService(blueprint.settleTrees, bus.emit),
    logs,
    emit: bus.emit,
    signal: over.signal,
  });
  const running = session.run();
  const join_ = parseJoinString(await Promise.race([opened.promise, running.then(() => '')]));
  return {
    session,
    state,
    directory,
    join: join_,
    offerPort,
    events,
    audit: () =>
      readFileSync(join(directory, 'audit.jsonl'), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    over: running,
    [Symbol.asyncDispose]: async () => {
      over.abort(new Error('the test is over'));
      await running;
      logs.close();
      journal.close();
      audit.close();
      delete process.env.KA_STATE_DIR;
      rmSync(state, { recursive: true });
    },
  };
};

/** A node's end of a control link, with what the golden said. */
export interface TestNode {
  link: GoldenLink;
  keys: KeyPair;
  heard: GoldenMessage[];
  said: <T extends GoldenMessage['type']>(
    type: T,
  ) => Extract<GoldenMessage, { type: T }> | undefined;
}

/** Connects as a node, with a key of its own or a given one. */
export const connectNode = async (
  { host, port, pin }: JoinString,
  keys?: KeyPair,
): Promise<TestNode> => {
  const own = keys ?? (await makeKeyPair());
  const link = await GoldenLink.connect({ host, port, pin, keys: own, localAddress: undefined });
  const heard: GoldenMessage[] = [];
  link.listen((message) => {
    heard.push(message);
    if (message.type === 'eject' && message.final) void link.close();
  });
  return {
    link,
    keys: own,
    heard,
    said: <T extends GoldenMessage['type']>(type: T) =>
      heard.find(
        (message): message is Extract<GoldenMessage, { type: T }> => message.type === type,
      ),
  };
};
