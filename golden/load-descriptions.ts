/** The descriptions given by `-p`, as one. */
import { resolve } from 'node:path';
import { loadDescription } from '../desc/load.ts';
import { type Description, DiskName } from '../desc/model.ts';
import { crossProblems, nodeProblems } from '../desc/structure.ts';
import { NamedError } from '../system/named-error.ts';

/** Disk name and file. */
export type Given = readonly (readonly [string, string])[];

const wrong = (name: string, file: string, why: string): NamedError =>
  new NamedError('BadDescription', `-p ${name} ${file}: ${why}`);

/**
 * Loads them all. A YAML file may be given for each of its disks, it is read
 * once. Throws `DescError`, `DescUnreadable`, and `BadDescription`: a path
 * instead of a name, the same disk or the same node twice, a disk that the
 * file does not describe.
 */
export const loadDescriptions = async (given: Given): Promise<Description> => {
  const seen = new Set<string>();
  for (const [name, file] of given) {
    if (!DiskName.safeParse(name).success) {
      const plain = name.replace(/^\/dev\//, '');
      const advice = DiskName.safeParse(plain).success ? `-p ${plain} ${file}` : `-p sda ${file}`;
      throw wrong(name, file, `not a disk name; write it without /dev/: ${advice}`);
    }
    if (seen.has(name)) throw wrong(name, file, 'this disk was given before; give each disk once');
    seen.add(name);
  }
  const files = new Map<string, Description>();
  const loaded: Description[] = [];
  for (const [name, file] of given) {
    const known = files.get(resolve(file));
    // A classic file is for the disk it is given for, so it may be given for several.
    const description =
      known?.disks.some((disk) => disk.name === name) === true
        ? known
        : await loadDescription(file, { disk: name });
    if (!description.disks.some((disk) => disk.name === name)) {
      const names = description.disks.map((disk) => disk.name).join(', ');
      throw wrong(name, file, `the file describes ${names}, not ${name}; correct one of them`);
    }
    if (description === known) continue;
    files.set(resolve(file), description);
    loaded.push(description);
  }
  const whole: Description = {
    disks: loaded.flatMap(({ disks }) => disks),
    exclude: loaded.flatMap(({ exclude }) => exclude),
    nodes: loaded.flatMap(({ nodes }) => nodes),
  };
  // Within a file this was said with its line.
  const [problem] = [...crossProblems(whole), ...nodeProblems(whole.nodes)];
  if (problem) {
    const names = given.map(([, file]) => file).join(', ');
    throw new NamedError('BadDescription', `${names} together: ${problem.reason}`);
  }
  return whole;
};
