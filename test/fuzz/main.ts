/** `npm run fuzz`: many more cases than the tests have, for hours if need be. */
import process from 'node:process';
import { runProgram } from '../../demo/program.ts';
import { NamedError } from '../../system/named-error.ts';
import { findingText } from './finding-text.ts';
import { readOptions, usage } from './options.ts';
import { readProgress, writeProgress } from './progress.ts';
import { casesDone, runRounds, shares } from './rounds.ts';
import { livingOnes, parsers } from './targets.ts';

/** Living ones take long: a hundredth as many cases. */
const LIVING_SHARE = 100;

const TELL_MS = 10_000;

await runProgram({
  name: 'fuzz',
  usage,
  readOptions,
  main: async ({ targets: names, cases, seed, list }, { say, signal }) => {
    const all = [...parsers, ...livingOnes];
    if (list) {
      process.stdout.write(all.map(({ name, kind }) => `${kind} ${name}\n`).join(''));
      return 0;
    }
    const unknown = names.find((name) => !all.some((target) => target.name === name));
    if (unknown !== undefined) {
      throw new NamedError('Usage', `--target ${unknown}: there is none of that name; see --list`);
    }
    const chosen = all.filter(({ name }) => names.length === 0 || names.includes(name));
    const wanted = new Map([
      ...shares(
        chosen.filter(({ kind }) => kind === 'parser'),
        cases,
      ),
      ...shares(
        chosen.filter(({ kind }) => kind === 'living'),
        Math.ceil(cases / LIVING_SHARE),
      ),
    ]);
    const done = readProgress(seed);
    const total = [...wanted.values()].reduce((sum, one) => sum + one, 0);
    const count = (): number =>
      chosen.reduce((sum, target) => {
        const { name } = target;
        return sum + casesDone(target, done.get(name) ?? 0, wanted.get(name) ?? 0);
      }, 0);
    const tell = (): void => say(`seed ${seed}: ${count()} of ${total} cases held`);
    if (count() > 0) tell();
    let toldAt = performance.now();
    const finding = await runRounds(chosen, {
      seed,
      wanted,
      done,
      signal,
      onTurn: ({ name }, turns) => {
        done.set(name, turns);
        if (performance.now() - toldAt < TELL_MS) return;
        toldAt = performance.now();
        writeProgress(seed, done);
        tell();
      },
    });
    writeProgress(seed, done);
    tell();
    if (finding) {
      process.stdout.write(`${findingText(finding)}\n`);
      return 1;
    }
    return signal.aborted ? 1 : 0;
  },
});
