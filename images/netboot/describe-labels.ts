/** The labels in words, for `ka pxe`. */
import { type TicketsOfMachine, ticketsOfMachines } from '../../trust/tickets.ts';
import { type Labels, labelOf, type SessionBoot, sessionOf } from './labels.ts';
import type { Serving } from './serving.ts';

const when = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ').concat(' UTC');

const describeSession = ({ name, golden, process, macs }: SessionBoot): string => {
  const whose = macs ? ` for the ${macs.length} machines of its list` : '';
  return `session "${name}" (golden ${golden.host}:${golden.port}, process ${process.pid}) has network boot${whose}`;
};

/** Why a machine boots what it boots. */
const reasonOf = (labels: Labels, mac: string): string => {
  const own = labels.nodes[mac];
  if (own) return `${own.why} ${when(own.since)}`;
  const session = sessionOf(labels, mac);
  return session ? `session "${session.name}"` : 'as everybody';
};

/** A machine gets one with its last menu too, the one it boots its disk by. */
const describeTickets = ({ last, lastUsed }: TicketsOfMachine): string => {
  if (lastUsed === last) return `  ticket ${when(last)}, used`;
  const before = lastUsed === undefined ? '' : ` (that of ${when(lastUsed)} was)`;
  return `  ticket ${when(last)}, not used${before}`;
};

/** Each machine that has a choice of its own, or asked for its menu within a day. */
const describeMachines = (labels: Labels): string[] => {
  const names = new Map(
    Object.entries(labels.names).flatMap(([name, macs]) => macs.map((mac) => [mac, name] as const)),
  );
  const machines = ticketsOfMachines();
  return [...new Set([...Object.keys(labels.nodes), ...machines.keys()])].map((mac) => {
    const name = (names.get(mac) ?? '').padEnd(12);
    const label = labelOf(labels, mac).padEnd(8);
    const tickets = machines.get(mac);
    return `${mac}  ${name}  ${label}  ${reasonOf(labels, mac)}${tickets ? describeTickets(tickets) : ''}`;
  });
};

export const describeLabels = (labels: Labels, serving: Serving | undefined): string[] => {
  const { session } = labels;
  return [
    `everybody boots ${labelOf(labels, undefined)}`,
    ...(session ? [`${describeSession(session)}; after it: ${labels.default}`] : []),
    ...describeMachines(labels),
    serving
      ? `served on ${serving.interface} (${serving.address}), mode ${serving.mode}, image "${serving.image}", process ${serving.process.pid}`
      : 'not served by this machine now; start with: ka pxe serve',
  ];
};
