/** Makes network boot follow a session: a subscriber of its events. */
import type { SessionEvent } from '../../protocol/events.ts';
import { toFailure } from '../../protocol/failure.ts';
import { NamedError } from '../../system/named-error.ts';
import { DEFAULT_IMAGE, findImage } from '../store.ts';
import { choose, hasCloned, type Labels, openSession, remember } from './labels.ts';
import { readLabels, updateLabels } from './labels-store.ts';
import { macOf } from './mac.ts';
import { isSameProcess, thisProcess } from './process-identity.ts';
import { lastServing, runningServing } from './serving.ts';

export interface SessionLabels {
  /** Why machines may not boot from here all the same. */
  warnings: string[];
  listen: (event: SessionEvent) => void;
  /** Puts back what was before, if the session's end has not. */
  close: () => void;
}

/** "10.0.0.1:30765" */
const hostAndPort = (address: string): { host: string; port: number } => {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
};

export interface SessionLabelsOptions {
  /** Where nodes must go; undefined = the golden listens everywhere. */
  address: string | undefined;
  /** MAC addresses of the machines it takes in; undefined = everybody. */
  only: readonly string[] | undefined;
  warn: (message: string) => void;
  /** Hears what could not be kept of it; the session goes on. */
  onError: (error: Error) => void;
}

/**
 * Checks that a session can have network boot, and returns its subscriber. While
 * the session is open its machines boot `kamethod`, straight to it; a cloned node
 * boots its disk before it is told to reboot.
 *
 * Throws `NoImage` when there is nothing to boot, and `SessionExists` when another
 * session of this machine has network boot.
 */
export const sessionLabels = async (options: SessionLabelsOptions): Promise<SessionLabels> => {
  const { onError } = options;
  await findImage(lastServing()?.image ?? DEFAULT_IMAGE);
  const labels = readLabels();
  const { session } = labels;
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      onError(new NamedError('NetworkBoot', `network boot: ${toFailure(error).message}`));
    }
  };
  if (session) {
    const message = `session "${session.name}" (process ${session.process.pid}) has network boot; wait for its end, or leave out --pxe`;
    throw new NamedError('SessionExists', message);
  }
  return {
    warnings: [...notServed(), ...nobodyListed(options), ...keptBack(labels)],
    listen: (event) => attempt(() => follow(event, options)),
    close: () => attempt(end),
  };
};

const notServed = (): string[] =>
  runningServing()
    ? []
    : ['--pxe: no "ka pxe serve" runs on this machine, so nothing boots from here; start it'];

const nobodyListed = ({ only }: SessionLabelsOptions): string[] =>
  only?.length === 0
    ? ['--pxe --admit list: the node list names no MAC address, so nobody boots kamethod']
    : [];

const keptBack = (labels: Labels): string[] =>
  hasCloned(labels)
    ? [
        'machines cloned before boot their own disks; to clone them again: ka pxe forget NODE…, or all: ka pxe default kamethod',
      ]
    : [];

const open = (
  { name, address, fingerprint }: Extract<SessionEvent, { kind: 'session' }>,
  { address: served, only }: SessionLabelsOptions,
): void => {
  const listening = hostAndPort(address);
  // Of several networks the nodes are on the one they boot from.
  const host = served ?? runningServing()?.address ?? listening.host;
  updateLabels((labels) =>
    openSession(labels, {
      process: thisProcess(),
      name,
      label: 'kamethod',
      golden: { host, port: listening.port },
      ...(only ? { macs: [...only] } : {}),
      ...(fingerprint === undefined ? {} : { pin: fingerprint }),
    }),
  );
};

/** What else a machine says of its addresses may be another machine's. */
const followNode = (
  { name, state, macs, bootMac }: Extract<SessionEvent, { kind: 'node' }>,
  warn: (message: string) => void,
): void => {
  if (bootMac !== undefined) {
    if (state === 'waiting') updateLabels((labels) => remember(labels, name, [bootMac]));
    if (state === 'done') updateLabels((labels) => choose(labels, [bootMac], 'local', 'cloned'));
  } else if (state === 'done') {
    const which = macs.flatMap((mac) => macOf(mac) ?? []).join(' ') || 'its MAC address';
    warn(
      `${name} came without a ticket of network boot, so what it boots was not changed; if it boots from the network: ka pxe default local ${which}`,
    );
  }
};

const follow = (event: SessionEvent, options: SessionLabelsOptions): void => {
  if (event.kind === 'node') followNode(event, options.warn);
  else if (event.kind === 'session' && event.state === 'open') open(event, options);
  else if (event.kind === 'session' && event.state === 'finished') end();
};

const end = (): void => {
  updateLabels((labels) =>
    labels.session && isSameProcess(labels.session.process, thisProcess())
      ? { ...labels, session: null }
      : labels,
  );
};
