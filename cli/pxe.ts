/** `ka pxe …`: boot machines from the network, and say what they boot. */
import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { describeLabels } from '../images/netboot/describe-labels.ts';
import { DHCP_SERVERS, type DhcpServer, dhcpAdvice } from '../images/netboot/dhcp-advice.ts';
import { isIpv4 } from '../images/netboot/ipv4.ts';
import { findMacs } from '../images/netboot/known-nodes.ts';
import {
  BOOT_LABELS,
  type BootLabel,
  choose,
  chooseForAll,
  forget,
} from '../images/netboot/labels.ts';
import { updateLabels } from '../images/netboot/labels-store.ts';
import type { AddressRange } from '../images/netboot/network.ts';
import { serve } from '../images/netboot/serve.ts';
import { runningServing } from '../images/netboot/serving.ts';
import { DEFAULT_IMAGE } from '../images/store.ts';
import { PORTS } from '../protocol/constants.ts';
import { ipv4Interfaces } from '../system/interfaces.ts';
import { NamedError } from '../system/named-error.ts';
import { stopSignal } from './stop-signal.ts';

/** Adds `pxe serve|default|forget|list|config`. */
export const addPxeCommands = (program: Command): void => {
  const pxe = program.command('pxe').description('boot machines from the network');
  addServe(pxe);
  addDefault(pxe);
  addForget(pxe);
  addList(pxe);
  addConfig(pxe);
};

interface ServeFlags {
  interface?: string;
  address?: string;
  range?: AddressRange;
  mode: 'auto' | 'dhcp' | 'proxy';
  image: string;
}

const range = (text: string): AddressRange => {
  const [from, to, ...more] = text.split(',');
  if (from && to && more.length === 0) return { from, to };
  throw new InvalidArgumentError('expected FROM,TO such as 10.0.0.100,10.0.0.200.');
};

const addServe = (pxe: Command): void => {
  pxe
    .command('serve')
    .description('serve one network until stopped: DHCP, TFTP, HTTP')
    .option('--interface <name>', 'the network (default: the only one)')
    .option('--address <ip>', 'which, when the interface has several')
    .option('--range <from,to>', 'addresses to give (default: the upper half)', range)
    .addOption(
      new Option('--mode <mode>', 'give addresses, or not (auto: if nobody does)')
        .choices(['auto', 'dhcp', 'proxy'])
        .default('auto'),
    )
    .option('--image <name>', 'boot image', DEFAULT_IMAGE)
    .action(async (flags: ServeFlags) => {
      await serve({
        interface: flags.interface,
        address: flags.address,
        range: flags.range,
        mode: flags.mode,
        image: flags.image,
        say: (line) => process.stdout.write(`${line}\n`),
        signal: stopSignal('ka pxe serve'),
      });
    });
};

const label = (text: string): BootLabel => {
  const found = BOOT_LABELS.find((known) => known === text);
  if (found) return found;
  throw new InvalidArgumentError(`expected ${BOOT_LABELS.join(' or ')}.`);
};

const addDefault = (pxe: Command): void => {
  pxe
    .command('default')
    .description('what everybody boots, or these machines only')
    .argument('<label>', 'kamethod = be cloned, local = the own disk', label)
    .argument('[node...]', 'MAC address or name')
    .addHelpText(
      'after',
      `
Without a node: for all that have no choice of their own, which includes those
that boot their disk because they were cloned. Choices made by hand stay; see
ka pxe forget.

Exit status: 0 done, 64 a node is unknown, or wrong use: then nothing changes.`,
    )
    .action((chosen: BootLabel, nodes: string[]) => {
      const labels = updateLabels((before) => {
        if (nodes.length === 0) return chooseForAll(before, chosen);
        const macs = findMacs(before, nodes);
        return choose(before, macs, chosen, 'chosen');
      });
      print(describeLabels(labels, runningServing()));
    });
};

const addForget = (pxe: Command): void => {
  pxe
    .command('forget')
    .description('let these machines follow everybody again')
    .argument('<node...>', 'MAC address or name')
    .addHelpText(
      'after',
      '\nExit status: 0 done, 64 a node is unknown, or wrong use: then nothing changes.',
    )
    .action((nodes: string[]) => {
      const labels = updateLabels((before) => forget(before, findMacs(before, nodes)));
      print(describeLabels(labels, runningServing()));
    });
};

const addList = (pxe: Command): void => {
  pxe
    .command('list', { isDefault: true })
    .description('show what machines boot, and who serves')
    .action(() => print(describeLabels(updateLabels(), runningServing())));
};

const ipv4 = (text: string): string => {
  if (isIpv4(text)) return text;
  throw new InvalidArgumentError('expected an IPv4 address.');
};

const addConfig = (pxe: Command): void => {
  pxe
    .command('config')
    .description('print what another DHCP server needs to boot machines from here')
    .addOption(
      new Option('--for <server>', 'whose language').choices(DHCP_SERVERS).makeOptionMandatory(),
    )
    .option('--server <ip>', 'address of this machine there (default: its only one)', ipv4)
    .action((flags: { for: DhcpServer; server?: string }) => {
      const address = flags.server ?? runningServing()?.address ?? ownAddress();
      process.stdout.write(dhcpAdvice(flags.for, { address, port: PORTS.boot }));
    });
};

/** Throws `WhichNetwork` when this machine has several. */
const ownAddress = (): string => {
  const [only, ...others] = ipv4Interfaces();
  if (only && others.length === 0) return only.address;
  const has = ipv4Interfaces().map(({ name, address }) => `${address} (${name})`);
  throw new NamedError(
    'WhichNetwork',
    `this machine has ${has.join(', ') || 'no network that is up'}; say where machines reach it: --server`,
  );
};

const print = (lines: readonly string[]): void => {
  process.stdout.write(`${lines.join('\n')}\n`);
};
