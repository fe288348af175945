/** The node's process: find a session, take part, and again when the golden is lost. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Hello, MAX_KNOCK_BYTES } from '../protocol/admission.ts';
import { DISCOVERY_TRIES, DISCOVERY_TRY_MS, PROTOCOL_VERSION } from '../protocol/constants.ts';
import { toFailure } from '../protocol/failure.ts';
import { rebootMachine } from '../stage2/reboot.ts';
import { NamedError } from '../system/named-error.ts';
import { type KeyPair, makeKeyPair } from '../trust/key-pair.ts';
import { publicBytes } from '../trust/pin.ts';
import { discoverGolden } from './discover.ts';
import { GoldenLink } from './golden-link.ts';
import { devicesOf, firstReaching, takeInventory } from './inventory.ts';
import { type Ask, Knock } from './knock.ts';
import { type Equipment, Membership, type Outcome } from './membership.ts';
import { NodeLog } from './node-log.ts';
import { Shunned } from './shunned.ts';
import { StatusServer } from './status-server.ts';

export interface AgentOptions {
  version: string;
  /** null = any session. */
  session: string | null;
  /** Skip discovery. */
  golden: { host: string; port: number } | undefined;
  /** Of the only golden to believe; undefined = the one that people confirm by code. */
  pin: string | undefined;
  /** What lets it in. */
  admission: { token: string | null; ticket: string | null; open: boolean; outdated: boolean };
  /** Undefined where there is no keyboard. */
  ask: Ask | undefined;
  /** Name in the description → device on this machine; empty = all its disks. */
  disks: ReadonlyMap<string, string>;
  name: string | undefined;
  /** Local address to use; undefined = whichever the system takes. */
  address: string | undefined;
  /** Clone into this directory instead of disks. */
  into: string | undefined;
  reboot: boolean;
  /** Shows a line to whoever stands before the machine. */
  screen: (line: string) => void;
  /** A machine booted from the network; undefined = one with a system of its own. */
  bare: BareMachine | undefined;
  ports: { data: number; offer: number; status: number };
  signal: AbortSignal;
}

/** What an agent on a network-booted machine has to do besides. */
export interface BareMachine {
  /** Id of its boot image. */
  image: string;
  /** Brings the machine to where a golden can be looked for. */
  begin(log: NodeLog): Promise<void>;
  /** The golden's clock, in milliseconds since 1970. */
  setClock(timeMs: number): Promise<void>;
  /** How stage2 gets on the machine. */
  equipment: Equipment;
}

/** Between a golden that was lost and the next try. */
const LOST_MS = 1000;

/** A machine that is there only to be cloned asks again: the next session may want it. */
const AGAIN_MS = 60_000;

const MOUNT_ROOT = '/mnt/ka';

/** What an agent keeps for as long as it runs. */
interface Self {
  keys: KeyPair;
  /** Of the golden it believes, once it does. */
  pin: string | undefined;
  shunned: Shunned;
}

interface Reached {
  link: GoldenLink;
  host: string;
  port: number;
}

const findGolden = async (
  options: AgentOptions,
  { keys, pin, shunned }: Self,
  log: NodeLog,
  onRefused: (why: string) => void,
): Promise<Reached> => {
  const { golden, address, session, ports, signal } = options;
  const onTry = (number: number, of: number) =>
    log.say(`Waiting for a session from a KA server (Try ${number}/${of})`);
  const connect = async (at: { host: string; port: number }): Promise<Reached> => {
    const link = await GoldenLink.connect({ ...at, pin, keys, localAddress: address });
    return { link, host: at.host, port: at.port };
  };
  if (!golden) {
    const found = await discoverGolden(
      {
        port: ports.offer,
        session,
        pin,
        whyShunned: (one) => shunned.why(one),
        address,
        signal,
        onTry,
        onRefused,
        connect,
      },
      (late) => void late.link.close(),
    );
    log.say(`Server IP is ${found.host}`);
    return found;
  }
  for (let attempt = 1; ; attempt += 1) {
    onTry(attempt, DISCOVERY_TRIES);
    try {
      return await connect(golden);
    } catch (error) {
      const hopeless = error instanceof NamedError && error.code === 'WrongGolden';
      if (hopeless || signal.aborted) throw error;
      if (attempt === DISCOVERY_TRIES) {
        throw new NamedError(
          'NoGolden',
          `Can't reach a valid KA server: ${toFailure(error).message}`,
          { cause: error },
        );
      }
      await sleep(DISCOVERY_TRY_MS, undefined, { signal });
    }
  }
};

const publicKeyOf = ({ key }: KeyPair): Buffer =>
  publicBytes(createPublicKey(createPrivateKey(key)));

/** All that is said before a node is let in has to fit (protocol/admission.ts). */
const checkSize = (hello: Hello): void => {
  const bytes = JSON.stringify(hello).length;
  if (bytes <= MAX_KNOCK_BYTES) return;
  throw new NamedError(
    'TooManyDisks',
    `this machine has ${hello.inventory.disks.length} disks, more than fit into a message; offer only those to be cloned to (--disk NAME=DEVICE)`,
  );
};

const join = async (
  options: AgentOptions,
  self: Self,
  log: NodeLog,
  status: StatusServer,
): Promise<Outcome> => {
  const { into, disks, address, session, ports, version, bare, signal } = options;
  const needsStage2 = bare !== undefined && !(await bare.equipment.isHere());
  const withoutDisks = into !== undefined || needsStage2;
  const inventory = await takeInventory({ disks, address, withoutDisks });
  const refused: string[] = [];
  const { link, host, port } = await findGolden(options, self, log, (why) => {
    log.say(`not taken: ${why}`);
    refused.push(why);
  });
  log.say(`golden key ${link.pin}`);
  const name = options.name ?? null;
  const macs = firstReaching(inventory.macs, link.localAddress);
  const isBelieved = self.pin !== undefined;
  const knock = new Knock({
    nodeKey: publicKeyOf(self.keys),
    goldenKey: link.publicKey,
    pinned: isBelieved,
    ask: options.ask,
    send: (message) => link.send(message),
    say: log.say,
    onRefused: () => membership.leave('refused at this node'),
  });
  const membership: Membership = new Membership({
    link,
    goldenHost: host,
    listen: { host: address ?? '0.0.0.0', port: ports.data },
    target: into ?? MOUNT_ROOT,
    directory: into !== undefined,
    devices: devicesOf(inventory),
    reboot: options.reboot,
    log,
    knock,
    onWelcome: async (given, timeMs) => {
      // Its operators should know who else offers sessions here.
      for (const why of refused) link.send({ type: 'warning', message: `not taken: ${why}` });
      // Somebody said yes, or it was known from the beginning.
      self.pin = link.pin;
      status.rename(given);
      await bare?.setClock(timeMs);
    },
    equipment: bare?.equipment,
    lookAgain: async () => ({
      ...(await takeInventory({ disks, address, withoutDisks: false })),
      macs,
    }),
    signal,
  });
  const hello: Hello = {
    type: 'hello',
    protocol: PROTOCOL_VERSION,
    version,
    session,
    name,
    target: into === undefined ? 'disks' : 'directory',
    image: needsStage2 ? bare.image : null,
    reboot: options.reboot,
    dataPort: ports.data,
    statusPort: ports.status,
    inventory: { ...inventory, macs },
    admission: { ...options.admission, commitment: knock.commitment },
  };
  checkSize(hello);
  const running = membership.run();
  link.send(hello);
  const outcome = await running;
  knock.stop();
  if (!isBelieved && self.pin === undefined && outcome.kind !== 'cloned') {
    shunUnlessNamed(options, self, { host, port }, outcome.reason);
  }
  return outcome;
};

/** Whoever turns away a node it has no secret in common with must not end its search. */
const shunUnlessNamed = (
  { golden }: AgentOptions,
  { shunned }: Self,
  at: { host: string; port: number },
  reason: string,
): void => {
  if (!golden) shunned.add(at, `golden at ${at.host}: ${reason}`);
};

/**
 * Runs the agent to its end. Resolves true when this node was cloned (and, with
 * `reboot`, the machine is going down). Throws `NoGolden` after five tries.
 */
export const runAgent = async (options: AgentOptions): Promise<boolean> => {
  const { address, ports, signal } = options;
  const status = new StatusServer({
    ...(address === undefined ? {} : { host: address }),
    port: ports.status,
    hostname: options.name ?? hostname(),
    signal,
  });
  await status.listen();
  const log = new NodeLog(status, options.screen);
  const self: Self = { keys: await makeKeyPair(), pin: options.pin, shunned: new Shunned() };
  try {
    await options.bare?.begin(log);
    for (;;) {
      const outcome = await join(options, self, log, status);
      if (outcome.kind === 'lost') {
        log.say(`the golden was lost: ${outcome.reason}; looking for it again`);
        // One that lets nodes in and drops them must not make them call without a pause.
        await sleep(LOST_MS, undefined, { signal }).catch(() => undefined);
        continue;
      }
      if (outcome.kind === 'dismissed') {
        log.say(`let go: ${outcome.reason}`);
        // One that nobody vouched for may say what it likes.
        if (self.pin === undefined && !options.golden && !signal.aborted) continue;
        if (!options.bare) return false;
        log.say(`asks for a session again in ${AGAIN_MS / 1000} s`);
        await sleep(AGAIN_MS, undefined, { signal });
        continue;
      }
      if (outcome.reboot) {
        log.say('Rebooting...');
        await rebootMachine({ signal, log: log.detail });
      }
      return true;
    }
  } catch (error) {
    log.say(toFailure(error).message);
    throw error;
  } finally {
    await status.close();
  }
};
