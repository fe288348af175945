/** Reads and changes labels.json; every change makes the boot files anew. */
import { readFileSync } from 'node:fs';
import { NamedError } from '../../system/named-error.ts';
import { writeBootFiles } from './boot-files.ts';
import { firstLabels, Labels, withoutDeadSession } from './labels.ts';
import { withLock } from './lock.ts';
import { labelsFile, lockFile } from './paths.ts';
import { plain } from './plain-values.ts';
import { openPxeDirectory } from './pxe-directory.ts';
import { lastServing } from './serving.ts';
import { writeWhole } from './write-file.ts';

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const parse = (path: string, text: string): Labels => {
  try {
    return Labels.parse(JSON.parse(text));
  } catch (cause) {
    const message = `${path} is damaged; correct it, or remove it (every machine then boots its disk)`;
    throw new NamedError('BadLabels', message, { cause });
  }
};

/** The labels as they count now. Throws `BadLabels` when their file is damaged. */
export const readLabels = (): Labels => {
  const text = readText(labelsFile());
  return text === undefined ? firstLabels : withoutDeadSession(parse(labelsFile(), text));
};

/**
 * Applies a change and writes the boot files, synchronously: a node that
 * reboots a moment later finds them. Returns the labels as they are now. Also
 * ends what a session that died has left, so `update()` alone is worth a call.
 * Throws `NotPlain` for what no boot file can hold.
 */
export const updateLabels = (change: (labels: Labels) => Labels = (labels) => labels): Labels => {
  openPxeDirectory();
  return withLock(lockFile(), () => {
    const labels = plain(Labels, change(readLabels()), 'labels');
    writeWhole(labelsFile(), `${JSON.stringify(labels, null, 2)}\n`);
    const serving = lastServing();
    if (serving) writeBootFiles(labels, serving);
    return labels;
  });
};
