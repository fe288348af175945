/** The node's process: find a session, take part, and again when the golden is lost. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { DISCOVERY_TRIES, DISCOVERY_TRY_MS, PROTOCOL_VERSION } from '../protocol/constants.ts';
import { toFailure } from '../protocol/failure.ts';
import { rebootMachine } from '../stage2/reboot.ts';
import { NamedError } from '../system/named-error.ts';
import { discoverGolden } from './discover.ts';
import { GoldenLink } from './golden-link.ts';
import { firstReaching, takeInventory } from './inventory.ts';
import { type Equipment, Membership, type Outcome } from './membership.ts';
import { NodeLog } from './node-log.ts';
import { StatusServer } from './status-server.ts';

export interface AgentOptions {
  version: string;
  /** null = any session. */
  session: string | null;
  /** Skip discovery. */
  golden: { host: string; port: number } | undefined;
  fingerprint: string | undefined;
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

/** A machine that is there only to be cloned asks again: the next session may want it. */
const AGAIN_MS = 60_000;

const MOUNT_ROOT = '/mnt/ka';

const findGolden = async (
  options: AgentOptions,
  log: NodeLog,
  onRefused: (why: string) => void,
): Promise<[GoldenLink, string]> => {
  const { golden, fingerprint, address, session, ports, signal } = options;
  const onTry = (number: number, of: number) =>
    log.say(`Waiting for a session from a KA server (Try ${number}/${of})`);
  if (!golden) {
    const found = await discoverGolden({
      port: ports.offer,
      session,
      fingerprint,
      address,
      signal,
      onTry,
      onRefused,
    });
    log.say(`Server IP is ${found.host}, session ${found.session}`);
    return [await GoldenLink.connect({ ...found, localAddress: address }), found.host];
  }
  for (let attempt = 1; ; attempt += 1) {
    onTry(attempt, DISCOVERY_TRIES);
    try {
      const link = await GoldenLink.connect({ ...golden, fingerprint, localAddress: address });
      return [link, golden.host];
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

const join = async (
  options: AgentOptions,
  log: NodeLog,
  status: StatusServer,
): Promise<Outcome> => {
  const { into, disks, address, session, ports, version, bare, signal } = options;
  const needsStage2 = bare !== undefined && !(await bare.equipment.isHere());
  const withoutDisks = into !== undefined || needsStage2;
  const inventory = await takeInventory({ disks, address, withoutDisks });
  const refused: string[] = [];
  const [link, goldenHost] = await findGolden(options, log, (why) => {
    log.say(`not taken: ${why}`);
    refused.push(why);
  });
  log.say(`golden key ${link.fingerprint}`);
  const name = options.name ?? null;
  const macs = firstReaching(inventory.macs, link.localAddress);
  const membership = new Membership({
    link,
    goldenHost,
    listen: { host: address ?? '0.0.0.0', port: ports.data },
    target: into ?? MOUNT_ROOT,
    directory: into !== undefined,
    reboot: options.reboot,
    log,
    onWelcome: async (given, timeMs) => {
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
  const running = membership.run();
  link.send({
    type: 'hello',
    protocol: PROTOCOL_VERSION,
    version,
    session,
    key: macs[0] ?? options.name ?? address ?? inventory.hostname,
    name,
    target: into === undefined ? 'disks' : 'directory',
    image: needsStage2 ? bare.image : null,
    reboot: options.reboot,
    dataPort: ports.data,
    statusPort: ports.status,
    inventory: { ...inventory, macs },
  });
  // Its operators should know who else offers sessions here.
  for (const why of refused) link.send({ type: 'warning', message: `not taken: ${why}` });
  return running;
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
  try {
    await options.bare?.begin(log);
    for (;;) {
      const outcome = await join(options, log, status);
      if (outcome.kind === 'lost') {
        log.say(`the golden was lost: ${outcome.reason}; looking for it again`);
        continue;
      }
      if (outcome.kind === 'dismissed') {
        log.say(`let go: ${outcome.reason}`);
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
