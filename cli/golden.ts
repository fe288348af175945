import { createPrivateKey, createPublicKey } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import process from 'node:process';
import { type Command, Option } from 'commander';
import type { BoardActions } from '../board/actions.ts';
import { Audit } from '../golden/audit.ts';
import { makeBlueprint } from '../golden/blueprint.ts';
import { EventBus } from '../golden/event-bus.ts';
import type { AdmitPolicy } from '../golden/gate.ts';
import { makeSessionDirectory, openJournal } from '../golden/journal.ts';
import { NodeLogs } from '../golden/node-logs.ts';
import { openOperatorSocket } from '../golden/operator-socket.ts';
import { reportBuilder } from '../golden/report.ts';
import type { Request } from '../golden/requests.ts';
import { Session, type SessionOptions } from '../golden/session.ts';
import { SettleService } from '../golden/settle-service.ts';
import { streamSource } from '../golden/stream-source.ts';
import { sessionLabels } from '../images/netboot/session-labels.ts';
import { imageFile, listImages } from '../images/store.ts';
import { DEFAULT_RING_BYTES, PORTS } from '../protocol/constants.ts';
import { Network } from '../protocol/network.ts';
import { NamedError } from '../system/named-error.ts';
import { SessionName } from '../system/names.ts';
import { printable } from '../system/printable.ts';
import { replaceFile } from '../system/replace-file.ts';
import { shownCode } from '../trust/code.ts';
import { goldenKeys } from '../trust/golden-keys.ts';
import { publicBytes } from '../trust/pin.ts';
import { confirm } from './confirm.ts';
import { EXIT_USAGE, fail } from './exit.ts';
import { keepReport } from './keep-report.ts';
import { duration, gather, pair, port, wholeNumber } from './parse.ts';
import { stopSignal } from './stop-signal.ts';
import { startUi, type UiMode } from './ui.ts';
import { version } from './version.ts';

interface GoldenFlags {
  nodes: number;
  diskDesc?: [string, string][];
  exclude?: string[];
  skipDevices?: string;
  rawPartition?: string[];
  bootCode?: string[];
  bootCodeFile?: [string, string][];
  releaseDelay: number;
  rebootWindow: number;
  phoneHome: boolean;
  pxe?: boolean;
  bootloader?: string;
  session?: string;
  root: string;
  yes?: boolean;
  plan?: boolean;
  waitTimeout?: number;
  minNodes?: number;
  ui?: UiMode;
  report?: string;
  address?: string;
  admit: AdmitPolicy;
  joinFile?: string;
  compress: 'auto' | 'zstd' | 'none';
  network: Network;
  ring: number;
  slow: 'wait' | 'bypass';
  slowShare: number;
  controlPort: number;
  dataPort: number;
  offerPort: number;
  homePort: number;
}

const MIB = 1024 * 1024;
/** The original's unit of `-d`. */
const TENTH_MS = 100;

const addOptions = (command: Command): Command =>
  command
    .option('-n, --nodes <number>', 'how many nodes to wait for', wholeNumber(1), 1)
    .option('-p, --disk-desc <drive desc>', 'desc file for this drive (repeatable)', gather(pair))
    .option(
      '-x, --exclude <dir>',
      "leave out what is in this directory (repeatable, or 'dir|dir2')",
      gather(String),
    )
    .option('-X, --skip-devices <regex>', "leave out file systems on devices like 'sdb|sdc'")
    .option(
      '-D, --raw-partition <part>',
      'copy this partition byte by byte (repeatable)',
      gather(String),
    )
    .option('-m, --boot-code <drive>', "copy the golden's boot code of this drive", gather(String))
    .option('-M, --boot-code-file <drive file>', 'boot code for a drive from a file', gather(pair))
    .option(
      '-d, --release-delay <tenths>',
      'pause between two nodes let go, in 1/10 s',
      wholeNumber(0),
      0,
    )
    .option('--reboot-window <nodes>', 'how many may restart at once', wholeNumber(1), 50)
    .option(
      '--pxe',
      'network boot follows: all (or all listed) boot kamethod, cloned nodes their disks',
    )
    .option('--no-phone-home', 'do not wait until nodes say that they run from their own disks')
    .option(
      '-r, --bootloader <name>',
      "'grub|extlinux|lilo|none [--with=MODULE …]', modules and options of its initramfs (default: as the golden)",
    )
    .option('-s, --session <name>', "name of the session (default: the golden's host name)")
    .option('--root <dir>', 'clone the system mounted there', '/')
    .option('--yes', 'do not ask')
    .option('--plan', 'show what would be done, then stop')
    .option(
      '--wait-timeout <time>',
      'wait for nodes this long: 90s, 10m, 2h (default: for ever)',
      duration,
    )
    .option(
      '--min-nodes <number>',
      'start with these when the wait is over (default: all)',
      wholeNumber(1),
    )
    .addOption(
      new Option(
        '--ui <mode>',
        'how progress looks (default: board on a terminal, else plain)',
      ).choices(['board', 'plain', 'json']),
    )
    .option('--report <file>', 'write the result as JSON')
    .option('--address <ip>', 'serve on this address only')
    .addOption(
      new Option('--admit <whom>', 'who is let in: with a secret or a code; and listed; anybody')
        .choices(['secret', 'list', 'open'])
        .default('secret'),
    )
    .option('--join-file <file>', 'write the join string for ka agent there')
    .addOption(
      new Option('--compress <how>', 'compress streams')
        .choices(['auto', 'zstd', 'none'])
        .default('auto'),
    )
    .addOption(
      new Option('--network <kind>', 'open: encrypt streams; trusted: a closed network, in clear')
        .choices(Network.options)
        .default('open'),
    )
    .option(
      '--ring <MiB>',
      'memory each node keeps for repair',
      wholeNumber(4, 4096),
      DEFAULT_RING_BYTES / MIB,
    )
    .addOption(
      new Option('--slow <policy>', 'a node much slower than the rest: all wait, or it goes later')
        .choices(['wait', 'bypass'])
        .default('bypass'),
    )
    .option(
      '--slow-share <percent>',
      'slow is below this share of the best rate',
      wholeNumber(1, 100),
      50,
    )
    .option('--control-port <port>', 'TCP port of the control link', port, PORTS.control)
    .option('--data-port <port>', 'TCP port the first node reads from', port, PORTS.data)
    .option('--offer-port <port>', 'UDP port of offers', port, PORTS.offer)
    .option('--home-port <port>', 'TCP port restarted nodes report on', port, PORTS.home)
    .addHelpText(
      'after',
      `
Exit status: 0 all nodes of -n cloned, 2 some (who never came is missing),
1 none (or not started), 64 wrong use.

Examples:
  ka golden -n 3 -p sda desc          three nodes, disk sda as described in desc
  ka golden -n 3 -p sda desc --plan   only show what would be done
  ka golden -n 20 -p sda lab.yaml -x /scratch --wait-timeout 10m --min-nodes 15`,
    );

/** `ka golden`: this machine is the one to clone. */
export const addGoldenCommand = (program: Command): void => {
  addOptions(program.command('golden').description('clone this machine to the nodes')).action(
    async (flags: GoldenFlags) => {
      process.exitCode = await golden(flags);
    },
  );
};

const blueprintOf = async (flags: GoldenFlags, signal: AbortSignal) => {
  try {
    return await makeBlueprint(
      {
        root: flags.root,
        network: flags.network,
        descriptions: flags.diskDesc ?? [],
        exclude: (flags.exclude ?? []).flatMap((list) => list.split('|')),
        skipDevices: flags.skipDevices,
        rawPartitions: flags.rawPartition ?? [],
        bootCodeOf: flags.bootCode ?? [],
        bootCodeFiles: flags.bootCodeFile ?? [],
        bootloader: flags.bootloader,
        mayCompress: flags.compress !== 'none',
      },
      signal,
    );
  } catch (error) {
    // A machine that lacks a tool is no wrong usage; the rest was asked for wrongly.
    const lacking = error instanceof NamedError && error.code === 'ToolMissing';
    return fail(error, lacking ? 1 : EXIT_USAGE);
  }
};

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const hasAddress = (address: string): boolean =>
  Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));

/** What of the options does not go together, or with this machine; undefined when all does. */
const wrongUsage = (
  name: string,
  flags: GoldenFlags,
  listedMacs: readonly string[],
): NamedError | undefined => {
  const { nodes, minNodes, joinFile, address } = flags;
  if (!SessionName.safeParse(name).success) {
    const message = `session name "${printable(name)}": use up to 64 letters, digits, dots, dashes, the first a letter or digit (-s NAME)`;
    return new NamedError('BadName', message);
  }
  if (minNodes !== undefined && minNodes > nodes) {
    const message = `--min-nodes ${minNodes} is more than the ${nodes} of -n; give fewer`;
    return new NamedError('BadMinNodes', message);
  }
  const ports = [flags.controlPort, flags.dataPort, flags.homePort];
  if (new Set(ports).size < ports.length) {
    const message = `--control-port, --data-port and --home-port are ${ports.join(', ')}; give three different ones`;
    return new NamedError('BadPorts', message);
  }
  if (address !== undefined && !hasAddress(address)) {
    const message = `--address ${printable(address)}: this machine has no such address; give one that ip address shows`;
    return new NamedError('NoSuchAddress', message);
  }
  if (joinFile !== undefined && isDirectory(joinFile)) {
    const message = `--join-file ${joinFile} is a directory; name a file in it`;
    return new NamedError('BadJoinFile', message);
  }
  if (flags.admit === 'list' && listedMacs.length === 0) {
    const message =
      '--admit list would let nobody in: the description lists no MAC address; add nodes to it';
    return new NamedError('NoNodeList', message);
  }
  return undefined;
};

/** Finds stage2 of a boot image of this machine by the image's id. */
const stage2Sources = async (): Promise<SessionOptions['stage2Of']> => {
  const sources = new Map(
    (await listImages()).map((image) => {
      const { bytes, sha256 } = image.manifest.files['stage2.squashfs'];
      const plan = { name: 'stage2', kind: 'raw' as const, expectedBytes: bytes };
      const place = { plan, path: imageFile(image, 'stage2.squashfs'), exclude: [], mounts: [] };
      return [image.manifest.id, { source: streamSource(place), sha256 }] as const;
    }),
  );
  return (id) => sources.get(id);
};

/** Network boot for this session, when it is wanted; the exit status when it cannot be had. */
const networkBoot = async (
  { pxe, address, admit }: GoldenFlags,
  listedMacs: readonly string[],
  bus: EventBus,
) => {
  if (!pxe) return undefined;
  const log = (level: 'warning' | 'error', message: string) =>
    bus.emit({ kind: 'log', node: null, level, message });
  try {
    const labels = await sessionLabels({
      address,
      only: admit === 'list' ? listedMacs : undefined,
      warn: (message) => log('warning', message),
      onError: ({ message }) => log('error', message),
    });
    for (const warning of labels.warnings) log('warning', warning);
    return labels;
  } catch (error) {
    return fail(error);
  }
};

/** Who says so, in the audit log. */
const AT_THE_BOARD = 'operator at the board';

const describeRequest = ({ code, hello, link, agreed, why }: Request): string =>
  printable(
    [
      `${shownCode(code ?? '')}  ${hello.name ?? hello.inventory.hostname}`,
      link.peer.address,
      hello.inventory.macs.join(' '),
      agreed ? 'its own side has said yes' : 'its own side has not said yes yet',
      ...(why === undefined ? [] : [why]),
    ].join('  '),
  );

const golden = async (flags: GoldenFlags): Promise<number> => {
  const signal = stopSignal('the session');
  const bus = new EventBus();
  const blueprint = await blueprintOf(flags, signal);
  if (typeof blueprint === 'number') return blueprint;
  const name = flags.session ?? blueprint.hostname;
  const wrong = wrongUsage(name, flags, blueprint.listedMacs);
  if (wrong) return fail(wrong, EXIT_USAGE);
  const bootLabels = flags.plan ? undefined : await networkBoot(flags, blueprint.listedMacs, bus);
  if (typeof bootLabels === 'number') return bootLabels;
  // Without a question the plan is shown by whatever shows the session.
  if (flags.plan || !flags.yes) process.stdout.write(`${blueprint.summary.join('\n')}\n`);
  if (flags.plan) return 0;
  if (!flags.yes && !(await confirm(flags.nodes, signal))) return EXIT_USAGE;

  const minNodes = flags.minNodes ?? flags.nodes;
  const directory = makeSessionDirectory(name, Date.now());
  const trouble = (message: string) =>
    bus.emit({ kind: 'log', node: null, level: 'error', message });
  const journal = openJournal(directory, trouble);
  const logs = new NodeLogs(directory, trouble);
  const report = reportBuilder(version, logs.path.bind(logs));
  bus.subscribe(journal.write);
  bus.subscribe(report.listen);
  if (bootLabels) bus.subscribe(bootLabels.listen);
  const over = new AbortController();
  const audit = new Audit(directory, ({ message }) =>
    bus.emit({ kind: 'log', node: null, level: 'warning', message: `audit log: ${message}` }),
  );
  let join: string | undefined;
  try {
    const keys = await goldenKeys();
    const session = new Session({
      name,
      wanted: flags.nodes,
      minNodes,
      waitTimeoutMs: flags.waitTimeout,
      address: flags.address,
      ports: {
        control: flags.controlPort,
        data: flags.dataPort,
        offer: flags.offerPort,
        home: flags.homePort,
      },
      ringBytes: flags.ring * MIB,
      releaseDelayMs: flags.releaseDelay * TENTH_MS,
      rebootWindow: flags.rebootWindow,
      phoneHome: flags.phoneHome,
      stage2Of: await stage2Sources(),
      slow: { policy: flags.slow, share: flags.slowShare / 100 },
      compress: flags.compress === 'none' ? 'identity' : flags.compress,
      network: flags.network,
      blueprint,
      keys,
      publicKey: publicBytes(createPublicKey(createPrivateKey(keys.key))),
      admit: flags.admit,
      onOpen: (text) => {
        join = text;
        if (flags.joinFile !== undefined) replaceFile(flags.joinFile, `${text}\n`);
      },
      audit: audit.write,
      settle: new SettleService(blueprint.settleTrees, bus.emit),
      logs,
      emit: bus.emit,
      signal: AbortSignal.any([signal, over.signal]),
    });
    const { requests } = session;
    await openOperatorSocket(
      name,
      {
        start: () => session.startNow('ka start'),
        requests: () => requests.pending.map(describeRequest),
        admit: (code) => requests.admit(code, 'ka admit'),
      },
      over.signal,
    );
    const actions: BoardActions = {
      start: () => session.startNow(AT_THE_BOARD),
      eject: (node) => session.eject(node, AT_THE_BOARD),
      retry: (node) => session.retry(node, AT_THE_BOARD),
      admit: (code) => requests.admit(code, AT_THE_BOARD),
      deny: (code) => requests.deny(code, AT_THE_BOARD),
      stop: () => over.abort(new NamedError('Stopped', 'the session was stopped on the board')),
      join: () => join,
    };
    const ui = await startUi(flags.ui, bus.subscribe, actions);
    const exitCode = await session.run();
    await ui.done();
    return exitCode;
  } finally {
    over.abort();
    bootLabels?.close();
    journal.close();
    audit.close();
    if (flags.joinFile !== undefined) rmSync(flags.joinFile, { force: true });
    logs.close();
    keepReport(report.build(), directory, flags.report);
  }
};
