/** A whole machine, by QEMU's software emulation: power button, network boot, disk, serial console. */
import { EventEmitter, once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { Firmware } from '../../demo/golden-layouts.ts';
import { makeBlankImage } from '../../demo/loop-disk.ts';
import { NamedError } from '../../system/named-error.ts';
import { tail } from '../../system/run.ts';
import { followFile } from './growing-file.ts';
import { type Qmp, speakQmp } from './qmp.ts';

export interface MachineOptions {
  name: string;
  mac: string;
  firmware: Firmware;
  /** Whether its network card has iPXE in its ROM; without, only UEFI can boot from it. */
  ipxeRom: boolean;
  memoryMebibytes: number;
  diskBytes: number;
  /** What it starts from the first time, before all else: a stick that is pulled out then. */
  stick?: { kernel: string; initrd: string; words: string } | undefined;
  /** For its disk, its console and its logs. */
  directory: string;
  /** Its network cable: where QEMU runs, and the tap device there. */
  cable: { argv: (command: readonly string[]) => [string, ...string[]]; tap: string };
}

const OVMF = '/usr/share/OVMF';

/** How long a machine may take to go down after its power button. */
const POWER_DOWN_MS = 120_000;

/** Colours, cursor moves, and what firmware clears its screen with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: consoles write them
const ESCAPES = /\x1b(?:\[[0-9;?=]*[A-Za-z]|[()][0-9A-Za-z]|c)|[\x00\x07\r]/g;

interface Events {
  reset: [];
  text: [];
}

const startQemu = (file: string, args: readonly string[]) =>
  execa(file, args, {
    reject: false,
    buffer: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });

export class Machine extends EventEmitter<Events> {
  readonly name: string;
  readonly mac: string;
  /** Raw image, as large as the disk. */
  readonly disk: string;
  /** What the serial console has shown, of all its power-ons. */
  readonly consoleLog: string;
  /** What QEMU itself said, and what happened to the machine. */
  readonly qemuLog: string;
  /** A socket to type into it. */
  readonly consoleSocket: string;
  readonly #options: MachineOptions;
  #qemu: ReturnType<typeof startQemu> | undefined;
  #qmp: Qmp | undefined;
  #raw = '';
  #wentOff = false;
  /** The stick is in. */
  #hasStick: boolean;
  #pulling: Promise<void> | undefined;
  readonly #over = new AbortController();
  #following: Promise<void> | undefined;

  private constructor(options: MachineOptions) {
    super();
    const { name, mac, directory } = options;
    this.#options = options;
    this.#hasStick = options.stick !== undefined;
    this.name = name;
    this.mac = mac;
    this.disk = join(directory, `${name}.img`);
    this.consoleLog = join(directory, `${name}.console.log`);
    this.qemuLog = join(directory, `${name}.qemu.log`);
    this.consoleSocket = join(directory, `${name}.console`);
  }

  /** Makes it with a blank disk, switched off. */
  static async create(options: MachineOptions): Promise<Machine> {
    const machine = new Machine(options);
    await makeBlankImage(machine.disk, options.diskBytes);
    if (options.firmware === 'uefi') {
      await copyFile(`${OVMF}/OVMF_VARS_4M.fd`, machine.#nvram);
    }
    machine.#following = followFile(
      machine.consoleLog,
      (text) => {
        machine.#raw += text;
        machine.emit('text');
      },
      machine.#over.signal,
    );
    return machine;
  }

  get #nvram(): string {
    return join(this.#options.directory, `${this.name}.nvram.fd`);
  }

  /** The console's text so far, without colours and cursor moves. */
  get text(): string {
    return this.#raw.replace(ESCAPES, '');
  }

  /** True when it is off though nobody cut its power: its system switched it off, or QEMU failed. */
  get wentOff(): boolean {
    return this.#wentOff;
  }

  /** Switches it on. It reboots by itself when its system asks for that. */
  powerOn(): void {
    const { cable, memoryMebibytes, ipxeRom } = this.#options;
    const [file, ...args] = cable.argv([
      'qemu-system-x86_64',
      ...['-name', this.name],
      ...['-accel', 'tcg'],
      // With five levels of page tables every emulated memory access would be dearer.
      ...['-cpu', 'max,la57=off'],
      ...['-m', String(memoryMebibytes)],
      ...this.#firmware(),
      ...this.#stick(),
      ...['-display', 'none', '-nodefaults', '-no-user-config'],
      ...['-device', 'virtio-rng-pci'],
      ...['-netdev', `tap,id=net,ifname=${cable.tap},script=no,downscript=no`],
      // The network first, as machines of a cluster are set up; then the disk.
      '-device',
      `virtio-net-pci,netdev=net,mac=${this.mac},bootindex=1${ipxeRom ? '' : ',romfile='}`,
      // Only the power of the emulated machine is ever cut, never this machine's.
      ...['-drive', `file=${this.disk},format=raw,if=none,id=disk,cache=unsafe,discard=unmap`],
      ...['-device', 'virtio-blk-pci,drive=disk,bootindex=2'],
      '-chardev',
      [
        'socket,id=console,server=on,wait=off',
        `path=${this.consoleSocket}`,
        `logfile=${this.consoleLog}`,
        'logappend=on',
      ].join(','),
      ...['-serial', 'chardev:console'],
      ...['-qmp', 'stdio'],
    ]);
    const qemu = startQemu(file, args);
    qemu.stderr.pipe(createWriteStream(this.qemuLog, { flags: 'a' }));
    const log = createWriteStream(this.qemuLog, { flags: 'a' });
    this.#qmp = speakQmp(qemu.stdout, qemu.stdin, {
      onEvent: (name) => {
        log.write(`event ${name}\n`);
        if (name === 'RESET') this.#onReset();
      },
      onError: (why) => log.write(`error ${why}\n`),
    });
    // A command to a QEMU that has just ended.
    qemu.stdin.on('error', (error) => log.write(`${error.message}\n`));
    this.#qemu = qemu;
    this.#wentOff = false;
    void qemu.then(({ exitCode, signal }) => {
      log.end(`ended: ${signal ?? exitCode}\n`);
      if (this.#qemu === qemu) {
        this.#qemu = undefined;
        this.#wentOff = true;
      }
    });
  }

  #stick(): string[] {
    const { stick } = this.#options;
    if (!stick || !this.#hasStick) return [];
    return ['-kernel', stick.kernel, '-initrd', stick.initrd, '-append', stick.words];
  }

  #onReset(): void {
    this.emit('reset');
    if (!this.#hasStick) return;
    this.#hasStick = false;
    // QEMU cannot do without a kernel it was started with.
    this.#pulling = this.powerCut().then(() => {
      if (!this.#over.signal.aborted) this.powerOn();
    });
  }

  #firmware(): string[] {
    const { firmware } = this.#options;
    // Without graphics SeaBIOS and the ROM's iPXE speak on the serial line.
    if (firmware === 'bios') return ['-machine', 'pc,graphics=off'];
    const flash = (unit: number, file: string, readOnly: 'on' | 'off') => [
      '-drive',
      `if=pflash,format=raw,unit=${unit},file=${file},readonly=${readOnly}`,
    ];
    return [
      ...['-machine', 'q35,graphics=off'],
      // It would be tried between IPv4 and the disk, and nobody answers it.
      ...['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
      ...flash(0, `${OVMF}/OVMF_CODE_4M.fd`, 'on'),
      ...flash(1, this.#nvram, 'off'),
    ];
  }

  /** Resolves with what `pattern` found in the console text after position `from`. */
  async waitFor(
    pattern: RegExp,
    options: { from?: number; signal: AbortSignal },
  ): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.text.slice(options.from ?? 0));
      if (found) return found;
      await once(this, 'text', { signal: options.signal });
    }
  }

  /** Types at its serial console. */
  async type(text: string): Promise<void> {
    const socket = connect(this.consoleSocket);
    socket.resume();
    socket.end(text);
    await once(socket, 'close');
  }

  /** As when the plug is pulled. */
  async powerCut(): Promise<void> {
    const qemu = this.#qemu;
    if (!qemu) return;
    this.#qemu = undefined;
    qemu.kill('SIGKILL');
    await qemu;
  }

  /** Presses the power button and waits until its system has shut down. Throws `StaysOn`. */
  async powerDown(): Promise<void> {
    const qemu = this.#qemu;
    if (!qemu) return;
    this.#qmp?.execute('system_powerdown');
    const waited = new AbortController();
    const late = sleep(POWER_DOWN_MS, 'late' as const, { signal: waited.signal });
    const how = await Promise.race([qemu, late]);
    late.catch(() => undefined);
    waited.abort();
    if (how !== 'late') return;
    throw new NamedError(
      'StaysOn',
      `${this.name} did not shut down within ${POWER_DOWN_MS / 1000} s of its power button; see ${this.consoleLog}`,
    );
  }

  /** The end of the console's text. */
  lastLines(lines: number): string {
    return tail(this.text.replace(/\n{2,}/g, '\n'), lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#pulling;
    await this.powerCut();
    await this.#following;
  }
}
