/**
 * A cluster on one machine: a golden and N nodes, each in a network namespace of
 * its own, on one bridge. The bridge has a namespace too, so the machine's own
 * network neither sees the lab nor is touched by it, and labs do not meet.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa, type Options } from 'execa';
import { type RunOptions, type RunResult, run } from '../system/run.ts';
import { Cleanup } from './cleanup.ts';
import { listNamespaces, removeLeftovers, removeNamespace, unmountBelow } from './leftovers.ts';
import { attachLoop, detachLoop, makeBlankImage } from './loop-disk.ts';

const NETWORK = '10.75.0';
const NODES_MAX = 200;

/** One machine of the lab: runs processes in its own network and mount namespace. */
export class LabHost {
  readonly name: string;
  readonly address: string;
  readonly namespace: string;

  constructor(name: string, address: string, namespace: string) {
    this.name = name;
    this.address = address;
    this.namespace = namespace;
  }

  /** The command as it is run from outside: `ip netns exec` makes the mount namespace too. */
  argv(command: readonly string[]): [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.namespace, ...command];
  }

  /** Starts a process on this machine; its `pid` is the command's own. */
  start(command: readonly string[], options: Options = {}) {
    const [file, ...args] = this.argv(command);
    return execa(file, args, options);
  }

  /** Runs a command on this machine to its end; fails as `run` does. */
  run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [file, ...args] = this.argv(command);
    return run(file, args, options);
  }

  /** Limits what this machine can send, in Mbit/s. */
  async limitRate(megabitsPerSecond: number): Promise<void> {
    const rate = ['rate', `${megabitsPerSecond}mbit`, 'burst', '256kb', 'latency', '50ms'];
    await this.run(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', 'tbf', ...rate]);
  }
}

export interface LabOptions {
  nodes: number;
  /** Directory for disk images and logs of this and other runs. */
  directory: string;
  /** When given, no machine sends faster, in Mbit/s. */
  megabitsPerSecond?: number | undefined;
}

const makeHost = async (host: LabHost, switchName: string, port: string): Promise<void> => {
  const { namespace, address } = host;
  const inside = (...args: string[]) => run('ip', ['-n', namespace, ...args]);
  await run('ip', ['netns', 'add', namespace]);
  await inside('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', port, 'netns', switchName);
  await inside('link', 'set', 'lo', 'up');
  await inside('link', 'set', 'eth0', 'up');
  await inside('address', 'add', `${address}/24`, 'broadcast', '+', 'dev', 'eth0');
  // Debian's own, whatever this machine uses: the lab shall be the same everywhere.
  const near = [`${NETWORK}.0/24`, 'dev', 'eth0', 'src', address, 'congctl', 'cubic'];
  await inside('route', 'replace', ...near);
  // Multicast needs a route, as every machine with a gateway has one.
  await inside('route', 'add', 'default', 'dev', 'eth0');
  await run('ip', ['-n', switchName, 'link', 'set', port, 'master', 'br0', 'up']);
};

/** There when this machine's own bridges are filtered: then all others are, too. */
const BRIDGE_FILTER = '/proc/sys/net/bridge';

const makeSwitch = async (namespace: string): Promise<void> => {
  await run('ip', ['netns', 'add', namespace]);
  if (existsSync(BRIDGE_FILTER)) {
    const off = ['sysctl', '-q', 'net.bridge.bridge-nf-call-iptables=0'];
    await run('ip', ['netns', 'exec', namespace, ...off]);
  }
  // Nobody asks who listens here, so a snooping bridge would soon drop multicast.
  const bridge = ['link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0'];
  await run('ip', ['-n', namespace, ...bridge]);
  await run('ip', ['-n', namespace, 'link', 'set', 'br0', 'up']);
};

/** Disposable: ends its processes, takes down its namespaces, mounts and loop devices, removes its directory. */
export class Lab implements AsyncDisposable {
  readonly golden: LabHost;
  readonly nodes: readonly LabHost[];
  /** Files of this run only. */
  readonly directory: string;
  readonly #switch: string;
  readonly #devices: string[] = [];

  private constructor(directory: string, mark: string, nodes: number) {
    const host = (name: string, last: number) =>
      new LabHost(name, `${NETWORK}.${last}`, `ka-${mark}-${name}`);
    this.directory = directory;
    this.golden = host('golden', 1);
    this.nodes = Array.from({ length: nodes }, (_, index) => host(`node${index + 1}`, 11 + index));
    this.#switch = `ka-${mark}-switch`;
  }

  /** Needs root and network namespaces. The golden is 10.75.0.1; nodes are 10.75.0.11, .12, … */
  static async create(options: LabOptions): Promise<Lab> {
    if (options.nodes > NODES_MAX) throw new RangeError(`a lab has at most ${NODES_MAX} nodes`);
    const parent = resolve(options.directory);
    await mkdir(parent, { recursive: true });
    await removeLeftovers(parent);
    const mark = `${process.pid}-${randomBytes(2).toString('hex')}`;
    const lab = new Lab(join(parent, `run-${mark}`), mark, options.nodes);
    try {
      await mkdir(lab.directory);
      await makeSwitch(lab.#switch);
      for (const [index, host] of [lab.golden, ...lab.nodes].entries()) {
        await makeHost(host, lab.#switch, `port${index}`);
        if (options.megabitsPerSecond) await host.limitRate(options.megabitsPerSecond);
      }
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The other end of a machine's cable: the switch's namespace, and its port there. */
  switchPort(host: LabHost): { namespace: string; device: string } {
    const index = [this.golden, ...this.nodes].indexOf(host);
    if (index < 0) throw new RangeError(`${host.name} is not of this lab`);
    return { namespace: this.#switch, device: `port${index}` };
  }

  /** Attaches an image, wherever it lies, as a loop device until the lab ends. */
  async attach(
    file: string,
    options: { readOnly?: boolean; sectorBytes?: number } = {},
  ): Promise<string> {
    const device = await attachLoop(file, options);
    this.#devices.push(device);
    return device;
  }

  /** Makes a blank disk of this lab, gone with it, or at `file`. Returns its device. */
  async blankDisk(file: string, bytes: number, sectorBytes = 512): Promise<string> {
    await makeBlankImage(file, bytes);
    return this.attach(file, { sectorBytes });
  }

  /** Mounts a device on a directory below the lab's own, until the lab ends. `options` are mount's: "ro", "rw". */
  async mount(device: string, name: string, options: string): Promise<string> {
    const place = join(this.directory, name);
    await mkdir(place, { recursive: true });
    await run('mount', ['-o', options, device, place]);
    return place;
  }

  /** Undoes `mount` of this place and of everything mounted below it. */
  async unmount(place: string): Promise<void> {
    await run('umount', ['--recursive', place]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using cleanup = new Cleanup();
    cleanup.add(() => rm(this.directory, { recursive: true, force: true }));
    for (const device of this.#devices.splice(0)) cleanup.add(() => detachLoop(device));
    cleanup.add(() => unmountBelow(this.directory));
    const known = await listNamespaces();
    for (const { namespace } of [{ namespace: this.#switch }, this.golden, ...this.nodes]) {
      if (known.includes(namespace)) cleanup.add(() => removeNamespace(namespace));
    }
  }
}
