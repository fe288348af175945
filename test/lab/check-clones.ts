/** Shuts the machines down and looks at their disks: the golden's content, and an identity of their own. */
import { compareTrees, readTree, type Tree } from '../../demo/compare.ts';
import type { Lab } from '../../demo/lab.ts';
import { mountSystem } from '../../demo/mounted-system.ts';
import { isOwnPath } from '../../demo/own-paths.ts';
import { type Say, step } from '../../demo/progress.ts';
import { sharedIdentity } from '../../demo/verify.ts';
import { isChangedByBoot } from './changed-by-boot.ts';
import { compareEfiFiles, ESP } from './efi-files.ts';
import { UNMOUNTED } from './golden-side.ts';
import type { ProgressOfMachine } from './progress-of-machine.ts';

const LINES_SHOWN = 20;

/** The EFI system partition is compared by itself. */
const withoutEsp = (tree: Tree): Tree =>
  new Map([...tree].filter(([path]) => path !== ESP && !path.startsWith(`${ESP}/`)));

const differencesOf = async (
  lab: Lab,
  golden: Tree,
  { machine }: ProgressOfMachine,
): Promise<string[]> => {
  const disk = await lab.attach(machine.disk, { readOnly: true });
  const root = await mountSystem(lab, disk, `clone-${machine.name}`, { except: UNMOUNTED });
  const clone = await readTree(root);
  await lab.unmount(root);
  const mayDiffer = (path: string, differing: readonly string[]) =>
    isOwnPath(path, differing) || isChangedByBoot(path);
  const { differences } = compareTrees(withoutEsp(golden), withoutEsp(clone), mayDiffer);
  const hasEfiFiles = [...golden.keys()].some((path) => path.startsWith(`${ESP}/`));
  return [
    ...differences,
    ...sharedIdentity(golden, clone),
    ...(hasEfiFiles ? await compareEfiFiles(golden, machine.disk, lab.directory) : []),
  ];
};

/** Says what differs and should not; true when nothing does. */
export const checkClones = async (
  lab: Lab,
  goldenRoot: string,
  machines: readonly ProgressOfMachine[],
  say: Say,
): Promise<boolean> => {
  await step(say, 'shutting the machines down', () =>
    Promise.all(machines.map(({ machine }) => machine.powerDown())),
  );
  const golden = await step(say, 'reading the golden for comparison', () => readTree(goldenRoot));
  let good = true;
  for (const one of machines) {
    const differences = await differencesOf(lab, golden, one);
    const name = `${one.machine.name} (${one.hostName})`;
    if (differences.length === 0) {
      say(`${name}: its disk has the golden's content, and an identity of its own`);
      continue;
    }
    good = false;
    say(`${name}: DIFFERS from the golden in ${differences.length} places`);
    for (const line of differences.slice(0, LINES_SHOWN)) say(`  ${line}`);
  }
  return good;
};
