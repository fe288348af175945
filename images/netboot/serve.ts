/** `ka pxe serve`: DHCP or proxy-DHCP, TFTP and HTTP for one network, until told to end. */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { PORTS } from '../../protocol/constants.ts';
import { toFailure } from '../../protocol/failure.ts';
import { printable } from '../../protocol/printable.ts';
import type { Ipv4Interface } from '../../system/interfaces.ts';
import { NamedError } from '../../system/named-error.ts';
import { type Rations, rations } from '../../system/rations.ts';
import { run } from '../../system/run.ts';
import { seldom } from '../../system/seldom.ts';
import { findImage } from '../store.ts';
import { placeBootLoaders } from './boot-loaders.ts';
import { startDnsmasq } from './dnsmasq.ts';
import { dnsmasqConfig } from './dnsmasq-config.ts';
import { bootOfferReader, isTrouble, menuFetched } from './dnsmasq-log.ts';
import { type Download, serveFiles } from './file-server.ts';
import { type Labels, labelForAll } from './labels.ts';
import { updateLabels } from './labels-store.ts';
import { findNetwork } from './network.ts';
import { answerOthers, findOtherServer } from './other-server.ts';
import { checkPorts, type WantedPort } from './ports.ts';
import { thisProcess } from './process-identity.ts';
import { describeDownload, describeOffer } from './serve-lines.ts';
import { chooseMode } from './serve-mode.ts';
import type { ServeOptions } from './serve-options.ts';
import { runningServing, writeServing } from './serving.ts';

/** Lines of one machine, and of all: a room that is switched on says some thousand. */
const TOLD: Rations = {
  perAddress: { burst: 50, perSecond: 0.5 },
  total: { burst: 3000, perSecond: 20 },
};

/** How soon boot files follow when a session's process died. */
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

/** Serving must not end because somebody edits labels.json; it says so once, until that is put right. */
const labelsNow = (say: ServeOptions['say']): (() => Labels | undefined) => {
  let told = '';
  return () => {
    try {
      const labels = updateLabels();
      told = '';
      return labels;
    } catch (error) {
      const { message } = toFailure(error);
      if (message !== told) say(`trouble: ${message}`);
      told = message;
      return undefined;
    }
  };
};

/** Looks every few seconds whether the boot files still say what counts. */
const keepLabels = async (say: ServeOptions['say'], signal: AbortSignal): Promise<void> => {
  const look = labelsNow(say);
  let before = look()?.session?.name;
  for (;;) {
    await sleep(LOOK_MS, undefined, { signal });
    const labels = look();
    if (!labels) continue;
    const now = labels.session?.name;
    if (now !== before && now !== undefined) say(`session "${now}" is open: kamethod for all`);
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
    mention(download.client, () => describeDownload(download));
  try {
    await serveFiles({
      address,
      port: PORTS.boot,
      onDownload: tell,
      onError: warn,
      signal: ending,
    });
    await answerOthers(address, ending, warn);
    const port = PORTS.boot;
    writeServing({
      process: thisProcess(),
      interface: name,
      address,
      port,
      mode,
      image: image.name,
    });
    const labels = updateLabels();
    const read = bootOfferReader();
    const onLine = (line: string) => {
      const offer = read(line);
      const fetched = menuFetched(line);
      if (offer) mention(offer.mac, async () => describeOffer(offer));
      else if (fetched) tell(fetched);
      else if (isTrouble(line)) mention('dnsmasq', async () => line.trim());
    };
    const dnsmasq = await startDnsmasq(
      dnsmasqConfig({ network, port, range, guessed: options.range === undefined }),
      onLine,
      ending,
    );
    const given = range ? `addresses ${range.from} to ${range.to}` : 'addresses from elsewhere';
    say(`serving ${name} (${address}), mode ${mode}, ${given}, image "${image.name}"`);
    say(`everybody boots ${labelForAll(labels)}; change it with: ka pxe default`);
    const keeping = keepLabels(say, ending);
    keeping.catch(() => undefined);
    await Promise.race([dnsmasq.ended, keeping]);
    over.abort();
    await dnsmasq.ended;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    over.abort();
  }
};
