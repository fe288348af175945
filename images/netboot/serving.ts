/** What `ka pxe serve` tells the other commands of this machine. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { Port } from '../../system/names.ts';
import { servingFile } from './paths.ts';
import { ImageName, InterfaceName, Ipv4, plain } from './plain-values.ts';
import { isRunning, ProcessIdentity } from './process-identity.ts';
import { openPxeDirectory } from './pxe-directory.ts';
import { writeWhole } from './write-file.ts';

const Serving = z.object({
  process: ProcessIdentity,
  interface: InterfaceName,
  address: Ipv4,
  /** Of the HTTP server. */
  port: Port,
  mode: z.enum(['dhcp', 'proxy']),
  /** Name of the boot image. */
  image: ImageName,
});
export type Serving = z.infer<typeof Serving>;

/** The last one on this machine, running or not; undefined when there was none. */
export const lastServing = (): Serving | undefined => {
  try {
    return Serving.parse(JSON.parse(readFileSync(servingFile(), 'utf8')));
  } catch {
    // None yet, or of another version of ka: the next one writes it anew.
    return undefined;
  }
};

/** The one that runs. */
export const runningServing = (): Serving | undefined => {
  const serving = lastServing();
  return serving && isRunning(serving.process) ? serving : undefined;
};

export const writeServing = (serving: Serving): void => {
  const checked = plain(Serving, serving, 'what is served');
  openPxeDirectory();
  writeWhole(servingFile(), `${JSON.stringify(checked, null, 2)}\n`);
};
