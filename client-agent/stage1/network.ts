/** Brings up every linked network interface by DHCP, and keeps the leases. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { DISCOVERY_TRIES } from '../../protocol/constants.ts';
import { ipv4Interfaces } from '../../system/interfaces.ts';
import { NamedError } from '../../system/named-error.ts';
import { run } from '../../system/run.ts';
import { withoutDriver } from './drivers.ts';

export interface NetworkOptions {
  /** For the operator. */
  say: (line: string) => void;
  /** What the DHCP client says. */
  detail: (line: string) => void;
  signal: AbortSignal;
}

/** Configures an interface for udhcpc; made with the boot image. */
const SCRIPT = '/ka/dhcp-script';
/** A switch port that runs the spanning tree forwards nothing for 30 s: five tries see that out. */
const TRY_MS = 12_000;
const LOOK_MS = 200;
/** ARPHRD_ETHER, include/uapi/linux/if_arp.h. */
const ETHERNET = '1';

interface Port {
  name: string;
  mac: string;
  linked: boolean;
}

const read = async (name: string, file: string): Promise<string> =>
  (await readFile(`/sys/class/net/${name}/${file}`, 'utf8')).trim();

/** The carrier of an interface that is not up cannot be read (EINVAL). */
const hasLink = (name: string): Promise<boolean> =>
  read(name, 'carrier').then(
    (carrier) => carrier === '1',
    () => false,
  );

const ethernetPorts = async (): Promise<Port[]> => {
  const ports: Port[] = [];
  for (const name of (await readdir('/sys/class/net')).sort()) {
    if ((await read(name, 'type')) !== ETHERNET) continue;
    ports.push({ name, mac: await read(name, 'address'), linked: await hasLink(name) });
  }
  return ports;
};

/** Runs until `signal` fires: the lease is renewed as long as the node needs it. */
const keepLease = async ({ name }: Port, { detail, signal }: NetworkOptions): Promise<void> => {
  const client = execa(
    'udhcpc',
    ['-f', '-i', name, '-s', SCRIPT, '-t', '4', '-T', '2', '-A', '2'],
    {
      cancelSignal: signal,
      reject: false,
      stdin: 'ignore',
      all: true,
      buffer: false,
    },
  );
  for await (const line of client.iterable({ from: 'all' })) detail(`${name}: ${line}`);
  const { message } = await client;
  if (!signal.aborted) detail(`${name}: DHCP client ended: ${message ?? 'without a reason'}`);
};

const hasAddress = (): boolean =>
  ipv4Interfaces().some(({ address }) => !address.startsWith('127.'));

/**
 * Resolves as soon as one interface has an address; others get theirs later.
 * Interfaces without a link are not waited for, but taken when they get one.
 * Throws `NoNetwork`, which says for each interface what is wrong.
 */
export const bringUpNetwork = async (options: NetworkOptions): Promise<void> => {
  const { say, signal } = options;
  await run('ip', ['link', 'set', 'lo', 'up'], { signal });
  const asked = new Set<string>();
  const raised = new Set<string>();
  for (let attempt = 1; attempt <= DISCOVERY_TRIES; attempt += 1) {
    say(`Waiting for an address by DHCP (Try ${attempt}/${DISCOVERY_TRIES})`);
    const untilMs = Date.now() + TRY_MS;
    while (Date.now() < untilMs) {
      for (const port of await ethernetPorts()) {
        if (!raised.has(port.name)) {
          raised.add(port.name);
          await run('ip', ['link', 'set', port.name, 'up'], { signal });
        }
        if (!port.linked || asked.has(port.name)) continue;
        asked.add(port.name);
        say(`${port.name} (${port.mac}) has a link, asking for an address`);
        keepLease(port, options).catch((error: Error) => say(`${port.name}: ${error.message}`));
      }
      if (hasAddress()) {
        for (const { name, address } of ipv4Interfaces()) say(`${name} has address ${address}`);
        return;
      }
      await sleep(LOOK_MS, undefined, { signal });
    }
    // Slow cards were waited for; without any there is nothing to try again with.
    if (asked.size === 0 && raised.size === 0) break;
  }
  throw new NamedError('NoNetwork', `no network: ${await whyNone()}`);
};

const whyNone = async (): Promise<string> => {
  const ports = await ethernetPorts();
  const words = ports.map(({ name, mac, linked }) =>
    linked
      ? `${name} (${mac}) gets no answer by DHCP; look at the DHCP server`
      : `${name} (${mac}) has no link; look at its cable`,
  );
  if (words.length > 0) return words.join('; ');
  const unknown = await withoutDriver('02');
  return unknown.length > 0
    ? `no driver for the network card ${unknown.join(', ')}; build the image with it (ka images build --drivers)`
    : 'this machine has no network card';
};
