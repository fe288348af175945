/** A `ka pxe serve` on a machine of a lab, and what a machine beside it is told to boot. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type KaProcess, startKa } from '../../../demo/ka-process.ts';
import type { LabHost } from '../../../demo/lab.ts';
import { eventually } from '../../support/eventually.ts';

const firmware = fileURLToPath(new URL('firmware.ts', import.meta.url));

const Answers = z.array(
  z.object({
    server: z.string(),
    offered: z.string(),
    nextServer: z.string(),
    file: z.string(),
    vendor: z.string(),
    pathPrefix: z.string(),
  }),
);
export type Answer = z.infer<typeof Answers>[number];

/** All that is answered to a firmware of this kind (option 93) on this machine, by so many servers. */
export const askAs = async (
  host: LabHost,
  mac: string,
  architecture: number,
  userClass: string,
  servers: number,
): Promise<Answer[]> => {
  const command = [
    process.execPath,
    firmware,
    mac,
    String(architecture),
    userClass,
    String(servers),
  ];
  return Answers.parse(JSON.parse((await host.run(command)).stdout));
};

export interface Served {
  process: KaProcess;
  output: () => Promise<string>;
}

let serves = 0;

/** Starts `ka pxe serve`; `stateDirectory` also gets its output. */
export const startServe = (
  host: Pick<LabHost, 'argv'>,
  stateDirectory: string,
  flags: readonly string[] = [],
): Served => {
  serves += 1;
  const logFile = join(stateDirectory, `serve-${serves}.log`);
  const started = startKa(['pxe', 'serve', ...flags], { on: host, logFile, stateDirectory });
  return { process: started, output: () => readFile(logFile, 'utf8') };
};

/** Waits until it serves. */
export const untilServing = (served: Served): Promise<boolean> =>
  eventually('ka pxe serve serves', async () => /^serving /m.test(await served.output()));

/** Runs one that is to be refused; returns its exit status and what it said. */
export const refused = async (
  host: Pick<LabHost, 'argv'>,
  stateDirectory: string,
  flags: readonly string[] = [],
): Promise<{ exitCode: number; said: string }> => {
  const { process: ended, output } = startServe(host, stateDirectory, flags);
  return { exitCode: await ended.ended, said: await output() };
};
