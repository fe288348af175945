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

/**
 * Checks that a session can have network boot, and returns its subscriber. While
 * the session is open everybody boots `kamethod`, straight to it; a cloned node
 * boots its disk before it is told to reboot. `address` = where nodes must go,
 * undefined when the golden listens everywhere. A boot file that cannot be written
 * is told to `onError`; the session goes on.
 *
 * Throws `NoImage` when there is nothing to boot, and `SessionExists` when another
 * session of this machine has network boot.
 */
export const sessionLabels = async (
  address: string | undefined,
  onError: (error: Error) => void,
): Promise<SessionLabels> => {
  await findImage(lastServing()?.image ?? DEFAULT_IMAGE);
  const labels = readLabels();
  const { session } = labels;
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      onError(new NamedError('BootFiles', `network boot: ${toFailure(error).message}`));
    }
  };
  if (session) {
    const message = `session "${session.name}" (process ${session.process.pid}) has network boot; wait for its end, or leave out --pxe`;
    throw new NamedError('SessionExists', message);
  }
  return {
    warnings: [...notServed(), ...keptBack(labels)],
    listen: (event) => attempt(() => follow(event, address)),
    close: () => attempt(end),
  };
};

const notServed = (): string[] =>
  runningServing()
    ? []
    : ['--pxe: no "ka pxe serve" runs on this machine, so nothing boots from here; start it'];

const keptBack = (labels: Labels): string[] =>
  hasCloned(labels)
    ? [
        'machines cloned before boot their own disks; to clone them again: ka pxe forget NODE…, or all: ka pxe default kamethod',
      ]
    : [];

const follow = (event: SessionEvent, address: string | undefined): void => {
  if (event.kind === 'session' && event.state === 'open') {
    const listening = hostAndPort(event.address);
    // Of several networks the nodes are on the one they boot from.
    const host = address ?? runningServing()?.address ?? listening.host;
    updateLabels((labels) =>
      openSession(labels, {
        process: thisProcess(),
        name: event.name,
        label: 'kamethod',
        golden: { host, port: listening.port },
        ...(event.fingerprint === undefined ? {} : { pin: event.fingerprint }),
      }),
    );
  } else if (event.kind === 'session' && event.state === 'finished') {
    end();
  } else if (event.kind === 'node') {
    // It may boot from another of its cards than the one it reaches the golden by.
    const macs = event.macs.flatMap((mac) => macOf(mac) ?? []);
    if (macs.length === 0) return;
    if (event.state === 'waiting') updateLabels((labels) => remember(labels, event.name, macs));
    if (event.state === 'done') updateLabels((labels) => choose(labels, macs, 'local', 'cloned'));
  }
};

const end = (): void => {
  updateLabels((labels) =>
    labels.session && isSameProcess(labels.session.process, thisProcess())
      ? { ...labels, session: null }
      : labels,
  );
};
