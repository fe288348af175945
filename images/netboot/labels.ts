/**
 * What machines boot from the network: the label `kamethod` (be cloned) or
 * `local` (the own disk), for everybody and for single ones. A running session
 * lies on top and is gone when its process is.
 */
import { z } from 'zod';
import { Name } from '../../protocol/text.ts';
import { HostName, IpAddress, Mac, Port, SessionName } from '../../system/names.ts';
import { Pin } from '../../trust/pin.ts';
import { isRunning, ProcessIdentity } from './process-identity.ts';

export const BOOT_LABELS = ['kamethod', 'local'] as const;
export const BootLabel = z.enum(BOOT_LABELS);
export type BootLabel = z.infer<typeof BootLabel>;

/** A `ka golden --pxe` while it runs. */
const SessionBoot = z.object({
  process: ProcessIdentity,
  name: SessionName,
  /** What its machines boot as long as it runs. */
  label: BootLabel,
  /** Its machines; undefined = everybody. */
  macs: z.array(Mac).optional(),
  golden: z.object({ host: z.union([IpAddress, HostName]), port: Port }),
  /** Of the golden's key. */
  pin: Pin.optional(),
});
export type SessionBoot = z.infer<typeof SessionBoot>;

const Choice = z.object({
  label: BootLabel,
  /** Chosen by hand, or set because the node was cloned. */
  why: z.enum(['chosen', 'cloned']),
  /** Milliseconds since 1970. */
  since: z.number(),
});

export const Labels = z.object({
  default: BootLabel,
  /** Choices for single machines, by MAC address. */
  nodes: z.record(Mac, Choice),
  /** Machines of sessions by host name: the addresses they booted from. */
  names: z.record(Name, z.array(Mac)),
  session: SessionBoot.nullable(),
});
export type Labels = z.infer<typeof Labels>;

/** A machine that happens to boot from the network keeps its disk unless an admin said otherwise. */
export const firstLabels: Labels = { default: 'local', nodes: {}, names: {}, session: null };

/** Without a session whose process ended: what was before counts again. */
export const withoutDeadSession = (labels: Labels): Labels =>
  labels.session && !isRunning(labels.session.process) ? { ...labels, session: null } : labels;

/** The session that takes a machine in; an unknown machine (undefined) is only in one for everybody. */
export const sessionOf = (
  { session }: Labels,
  mac: string | undefined,
): SessionBoot | undefined => {
  if (!session?.macs) return session ?? undefined;
  return mac !== undefined && session.macs.includes(mac) ? session : undefined;
};

/** What a machine boots; undefined = one without a choice of its own. */
export const labelOf = (labels: Labels, mac: string | undefined): BootLabel => {
  const own = mac === undefined ? undefined : labels.nodes[mac];
  return own?.label ?? sessionOf(labels, mac)?.label ?? labels.default;
};

const withoutCloned = (nodes: Labels['nodes']): Labels['nodes'] =>
  Object.fromEntries(Object.entries(nodes).filter(([, { why }]) => why !== 'cloned'));

/**
 * Sets the label of everybody, at once and also after a running session.
 * Machines that boot their disk because they were cloned follow it again;
 * choices made by hand stay.
 */
export const chooseForAll = (labels: Labels, label: BootLabel): Labels => ({
  ...labels,
  default: label,
  nodes: withoutCloned(labels.nodes),
  session: labels.session && { ...labels.session, label },
});

export const choose = (
  labels: Labels,
  macs: readonly string[],
  label: BootLabel,
  why: 'chosen' | 'cloned',
): Labels => {
  const choice = { label, why, since: Date.now() };
  const added = Object.fromEntries(macs.map((mac) => [mac, choice]));
  return { ...labels, nodes: { ...labels.nodes, ...added } };
};

/** These machines follow everybody's label again. */
export const forget = (labels: Labels, macs: readonly string[]): Labels => ({
  ...labels,
  nodes: Object.fromEntries(Object.entries(labels.nodes).filter(([mac]) => !macs.includes(mac))),
});

/** What was cloned before keeps its disk: a restart at the wrong time must not erase it. */
export const openSession = (labels: Labels, session: SessionBoot): Labels => ({
  ...labels,
  session,
});

/** Whether machines boot their disk only because they were cloned. */
export const hasCloned = ({ nodes }: Labels): boolean =>
  Object.values(nodes).some(({ why }) => why === 'cloned');

/** A name has one machine, a machine one name: the latest. */
export const remember = (labels: Labels, name: string, macs: string[]): Labels => {
  const others = Object.entries(labels.names).filter(
    ([knownName, known]) => knownName !== name && !known.some((mac) => macs.includes(mac)),
  );
  return { ...labels, names: { ...Object.fromEntries(others), [name]: macs } };
};
