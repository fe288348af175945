/** `ka pxe serve`: DHCP or proxy-DHCP, TFTP and HTTP for one network, until told to end. */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { PORTS } from '../../protocol/constants.ts';
import type { Ipv4Interface } from '../../system/interfaces.ts';
import { NamedError } from '../../system/named-error.ts';
import { printable } from '../../system/printable.ts';
import { type Rations, rations } from '../../system/rations.ts';
import { run } from '../../system/run.ts';
import { seldom } from '../../system/seldom.ts';
import { goldenKeys } from '../../trust/golden-keys.ts';
import { findImage } from '../store.ts';
import { baseUrl } from './boot-files.ts';
import { placeBootLoaders } from './boot-loaders.ts';
import { startDnsmasq } from './dnsmasq.ts';
import { dnsmasqConfig } from './dnsmasq-config.ts';
import { bootOfferReader, isTrouble } from './dnsmasq-log.ts';
import { type Download, serveFiles } from './file-server.ts';
import { KnownLabels } from './known-labels.ts';
import { labelOf } from './labels.ts';
import { bootMenus } from './menus.ts';
import { findNetwork } from './network.ts';
import { answerOthers, findOtherServer } from './other-server.ts';
import { checkPorts, type WantedPort } from './ports.ts';
import { thisProcess } from './process-identity.ts';
import { describeDownload, describeMenu, describeOffer } from './serve-lines.ts';
import { chooseMode } from './serve-mode.ts';
import type { ServeOptions } from './serve-options.ts';
import { runningServing, writeServing } from './serving.ts';
import { placeTftpFiles } from './tftp-files.ts';

/** Lines of one machine, and of all: a room that is switched on says some thousand. */
const TOLD: Rations = {
  perAddress: { burst: 50, perSecond: 0.5 },
  total: { burst: 3000, perSecond: 20 },
};

/** How soon it is said that a session's process died. */
const LOOK_MS = 2000;

const wantedPorts = (mode: ServeOptions['mode']): WantedPort[] => [
  { protocol: 'udp', port: 67, use: 'DHCP' },
  { protocol: 'udp', port: 69, use: 'TFTP' },
  ...(mode === 'dhcp' ? [] : [{ protocol: 'udp', port: 4011, use: 'PXE' } as const]),
  { protocol: 'tcp', port: PORTS.boot, use: 'boot files' },
  { protocol: 'udp', port: PORTS.boot, use: 'looking for others of its kind' },
];

/** What is missing on this machine, before anything is asked of the network. */
const checkMachine = async (signal: AbortSignal): Promise<void> => {
  if (process.getuid?.() !== 0) {
    throw new NamedError('NotRoot', 'ka pxe serve needs ports 67 and 69; run it as root');
  }
  placeBootLoaders();
  try {
    await run('dnsmasq', ['--version'], { signal });
  } catch (error) {
    if (!(error instanceof NamedError) || error.code !== 'ToolMissing') throw error;
    throw new NamedError('ToolMissing', 'dnsmasq is not installed; install dnsmasq-base');
  }
};

const refuseSecond = async (network: Ipv4Interface, signal: AbortSignal): Promise<void> => {
  const own = runningServing();
  if (own) {
    const message = `ka pxe serve runs already on this machine (process ${own.process.pid}, ${own.interface} ${own.address}); end it first`;
    throw new NamedError('AlreadyServed', message);
  }
  const other = await findOtherServer(network, signal);
  if (!other) return;
  const message = `ka pxe serve runs already on this network: ${other.host} (${other.address}); end it there, or use it`;
  throw new NamedError('AlreadyServed', message);
};

/** Says when sessions open and end. */
const tellSessions = async (
  labels: KnownLabels,
  say: ServeOptions['say'],
  signal: AbortSignal,
): Promise<void> => {
  let before = labels.settle().session?.name;
  for (;;) {
    await sleep(LOOK_MS, undefined, { signal });
    const { session } = labels.settle();
    const now = session?.name;
    const whose = session?.macs ? `the ${session.macs.length} machines of its list` : 'all';
    if (now !== before && now !== undefined) say(`session "${now}" is open: kamethod for ${whose}`);
    if (now !== before && before !== undefined) say(`session "${before}" is over`);
    before = now;
  }
};

/**
 * Serves one network until `signal` fires, then resolves with everything ended.
 * Rejects with a `NamedError` when it cannot start, and when a part of it ends
 * by itself.
 */
export const serve = async (options: ServeOptions): Promise<void> => {
  const { signal } = options;
  const say = (line: string): void => options.say(printable(line));
  const image = await findImage(options.image);
  const network = findNetwork(options);
  await checkMachine(signal);
  await refuseSecond(network, signal);
  await checkPorts(wantedPorts(options.mode), network, signal);
  const { mode, range } = await chooseMode(options, network);

  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const { name, address } = network;
  const warn = (error: Error) => say(`trouble: ${error.message}`);
  const labels = new KnownLabels(say);
  const { renewed } = await goldenKeys();
  if (renewed !== undefined) say(`trouble: ${renewed}`);
  const port = PORTS.boot;
  const base = baseUrl({ address, port });
  const mayTell = rations(TOLD);
  const sayMore = seldom(say);
  /** What machines do, which is as much as they like. */
  const mention = (who: string, line: () => Promise<string | undefined>): void => {
    if (!mayTell(who)) {
      sayMore('more', 'trouble: more is asked for here than is told');
      return;
    }
    line().then((text) => text !== undefined && say(text), warn);
  };
  const tell = (download: Download): void =>
    mention(download.client, () => describeDownload(download, name));
  try {
    await serveFiles({
      address,
      port,
      menus: bootMenus({
        base,
        image: image.name,
        device: name,
        labels: labels.now,
        onGiven: (menu) => mention(menu.client, async () => describeMenu(menu)),
        onError: warn,
      }),
      onDownload: tell,
      onError: warn,
      signal: ending,
    });
    await answerOthers(address, ending, warn);
    placeTftpFiles(base);
    writeServing({
      process: thisProcess(),
      interface: name,
      address,
      port,
      mode,
      image: image.name,
    });
    const read = bootOfferReader();
    const onLine = (line: string) => {
      const offer = read(line);
      if (offer) mention(offer.mac, async () => describeOffer(offer));
      else if (isTrouble(line)) mention('dnsmasq', async () => line.trim());
    };
    const dnsmasq = await startDnsmasq(
      dnsmasqConfig({ network, port, range, guessed: options.range === undefined }),
      onLine,
      ending,
    );
    const given = range ? `addresses ${range.from} to ${range.to}` : 'addresses from elsewhere';
    say(`serving ${name} (${address}), mode ${mode}, ${given}, image "${image.name}"`);
    say(`everybody boots ${labelOf(labels.now(), undefined)}; change it with: ka pxe default`);
    const telling = tellSessions(labels, say, ending);
    telling.catch(() => undefined);
    await Promise.race([dnsmasq.ended, telling]);
    over.abort();
    await dnsmasq.ended;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    over.abort();
  }
};
