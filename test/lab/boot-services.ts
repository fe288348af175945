/** `ka pxe serve` on the lab's golden, and what it tells of each machine. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type KaProcess, lastLines } from '../../demo/ka-process.ts';
import { NamedError } from '../../system/named-error.ts';
import { eachLine, followFile } from './growing-file.ts';
import type { Milestone } from './milestones.ts';

const RANGE = '10.75.0.100,10.75.0.199';
const LOOK_MS = 200;

export const serveCommand = [
  'pxe',
  'serve',
  '--interface',
  'eth0',
  '--mode',
  'dhcp',
  '--range',
  RANGE,
];

/** A site's settings that send these machines to pxelinux, though their ROMs speak iPXE. */
export const sendToPxelinux = async (
  stateDirectory: string,
  macs: readonly string[],
): Promise<void> => {
  const directory = join(stateDirectory, 'pxe', 'dnsmasq.d');
  await mkdir(directory, { recursive: true });
  const lines = macs.map((mac) => `dhcp-host=${mac},set:plain\n`);
  await writeFile(join(directory, 'lab.conf'), lines.join(''));
};

/** Its lines begin with the machine's MAC address; images/netboot/serve-lines.ts. */
const marks: readonly [RegExp, Milestone][] = [
  [/gets the boot (?:script|loader)/, 'DHCP offer'],
  [/has the kernel of/, 'kernel fetched'],
  [/has the initrd of/, 'initrd fetched'],
];

/** Waits until it serves. Throws `NoBootServices` when it ends instead. */
export const untilServing = async (pxe: KaProcess, signal: AbortSignal): Promise<void> => {
  let exitCode: number | undefined;
  void pxe.ended.then((code) => {
    exitCode = code;
  });
  while (!/^serving /m.test(await lastLines(pxe, 100))) {
    if (exitCode !== undefined) {
      throw new NamedError('NoBootServices', `ka pxe serve exited ${exitCode}`, {
        output: await lastLines(pxe),
      });
    }
    signal.throwIfAborted();
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
};

/** Throws `NoBootServices` when it ends before `signal` fired. */
export const untilEnded = async (pxe: KaProcess, signal: AbortSignal): Promise<void> => {
  const exitCode = await pxe.ended;
  if (!signal.aborted) throw new NamedError('NoBootServices', `ka pxe serve exited ${exitCode}`);
};

/** `mac` = the machine's; `detail` = what was said. */
export type OnServed = (mac: string, milestone: Milestone, detail: string) => void;

/** Hands on what the boot services have done for a machine, until `signal` fires. */
export const followBootServices = async (
  { logFile }: KaProcess,
  onServed: OnServed,
  signal: AbortSignal,
): Promise<void> => {
  const onLine = (line: string) => {
    const [, mac, text] = /^([0-9a-f:]{17}) (?:\S+ )?\s*(.*)$/.exec(line) ?? [];
    const mark = marks.find(([pattern]) => text !== undefined && pattern.test(text));
    if (mac !== undefined && text !== undefined && mark) onServed(mac, mark[1], text);
  };
  if (logFile !== null) await followFile(logFile, eachLine(onLine), signal);
};
