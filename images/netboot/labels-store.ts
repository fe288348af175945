/** Reads and changes labels.json. */
import { readFileSync } from 'node:fs';
import { withLock } from '../../system/lock.ts';
import { NamedError } from '../../system/named-error.ts';
import { firstLabels, Labels, withoutDeadSession } from './labels.ts';
import { labelsFile, lockFile } from './paths.ts';
import { openPxeDirectory } from './pxe-directory.ts';
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

const checked = (labels: Labels): Labels => {
  const { error } = Labels.safeParse(labels);
  const [issue] = error?.issues ?? [];
  if (!issue) return labels;
  const message = `what machines boot cannot be kept: ${issue.path.join('.')}: ${issue.message}`;
  throw new NamedError('BadLabels', message);
};

/**
/**
 * Applies a change, synchronously: a node that reboots a moment later finds it.
 * Returns the labels as they are now. Also ends what a session that died has
 * left, so `updateLabels()` alone is worth a call. Throws `BadLabels` when the
 * file is damaged, or the outcome could not be read again: then it changes nothing.
 */
export const updateLabels = (change: (labels: Labels) => Labels = (labels) => labels): Labels => {
  openPxeDirectory();
  return withLock(lockFile(), () => {
    const labels = checked(change(readLabels()));
    writeWhole(labelsFile(), `${JSON.stringify(labels, null, 2)}\n`);
    return labels;
  });
};
