/**
 * Tickets: what `ka pxe serve` gives a machine for one boot, and a session of
 * this machine lets it in by, once. Only their digests are kept.
 */
import { Mac } from '../system/names.ts';
import { digestOf, newSecret } from './secret.ts';
import { readTickets, type Ticket, updateTickets } from './ticket-file.ts';

/** A machine that waits longer for a session is shown as a request. */
const LIFETIME_MS = 24 * 60 * 60 * 1000;
/** A firmware may fetch its menu more than once for one boot. */
const OF_ONE_MACHINE = 4;
/** Whoever can send to the boot network can ask in any machine's name. */
const IN_ALL = 4096;

const isAlive = ({ made }: Ticket): boolean => Date.now() - made < LIFETIME_MS;

/** A new ticket for a machine; of its earlier ones the last three stay. Throws when `mac` is none. */
export const issueTicket = (mac: string): string => {
  const secret = newSecret();
  const ticket: Ticket = {
    mac: Mac.parse(mac),
    digest: digestOf(secret),
    made: Date.now(),
    used: false,
  };
  return updateTickets((tickets) => {
    const alive = tickets.filter(isAlive);
    const own = alive.filter((other) => other.mac === mac).slice(1 - OF_ONE_MACHINE);
    const others = alive.filter((other) => other.mac !== mac).slice(1 - IN_ALL);
    return { tickets: [...others, ...own, ticket], result: secret };
  });
};

/** Times are milliseconds since 1970. */
export interface TicketsOfMachine {
  /** When it got its last one. */
  last: number;
  /** When it got the last one that was used. */
  lastUsed: number | undefined;
}

/** Machines that got tickets within a day, by MAC address; there is no secret in it. */
export const ticketsOfMachines = (): ReadonlyMap<string, TicketsOfMachine> => {
  const machines = new Map<string, TicketsOfMachine>();
  for (const { mac, made, used } of readTickets().filter(isAlive)) {
    machines.set(mac, { last: made, lastUsed: used ? made : machines.get(mac)?.lastUsed });
  }
  return machines;
};

export type TicketVerdict = { mac: string } | { refusal: string };

const judge = (
  tickets: readonly Ticket[],
  secret: string,
  macs: readonly string[],
): TicketVerdict => {
  const digest = digestOf(secret);
  const ticket = tickets.find((candidate) => candidate.digest === digest);
  if (!ticket) return { refusal: 'its ticket is not of this machine, or was replaced' };
  if (!isAlive(ticket)) return { refusal: 'its ticket is older than a day' };
  if (ticket.used) return { refusal: 'its ticket was used before' };
  if (!macs.includes(ticket.mac)) return { refusal: `its ticket is for ${ticket.mac}` };
  return { mac: ticket.mac };
};

/** Whether a machine with these addresses may come in by this ticket; nothing is used up. */
export const checkTicket = (secret: string, macs: readonly string[]): TicketVerdict =>
  judge(readTickets(), secret, macs);

/** The same, and from now on it is used. */
export const spendTicket = (secret: string, macs: readonly string[]): TicketVerdict =>
  updateTickets<TicketVerdict>((tickets) => {
    const verdict = judge(tickets, secret, macs);
    if ('refusal' in verdict) return { tickets, result: verdict };
    const digest = digestOf(secret);
    const marked = tickets.map((one) => (one.digest === digest ? { ...one, used: true } : one));
    return { tickets: marked, result: verdict };
  });
