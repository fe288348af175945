/** A port or socket anybody may connect to, and what must hold for it after strangers did. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { bytesLike, like } from '../../hostile.ts';
import { living, mustBe, type Target } from '../../target.ts';
import { Health } from './health.ts';
import { treeOf } from './tree.ts';
import { type Caller, type Ending, ending, strangerAddress, visit } from './visit.ts';
import { within } from './within.ts';

export interface Door {
  to: Caller['to'];
  /** What a stranger says, with secrets in it that only are known now. Default: as it is. */
  filledIn?(said: string): string;
  /** Throws when strangers who said this should not have got these answers. */
  answered?(said: readonly string[], answers: readonly string[]): void;
  /** An honest client is served. */
  serve(): Promise<void>;
}

interface DoorOptions {
  name: string;
  /** What honest clients say. */
  samples: readonly string[];
  /** Paths it may write below its state directory. */
  mayWrite: RegExp;
  /** Opens it, with its state in a directory of its own, until `signal`. */
  open(state: string, signal: AbortSignal): Promise<Door>;
  weight?: number;
}

const SERVED_MS = 3000;

interface Stranger {
  says: string[];
  ending: Ending;
}

const strangers = (samples: readonly string[]): fc.Arbitrary<Stranger[]> => {
  const piece = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...samples) },
    { weight: 5, arbitrary: like(...samples) },
    {
      weight: 2,
      arbitrary: bytesLike(...samples.map((sample) => Buffer.from(sample))).map((bytes) =>
        bytes.toString('latin1'),
      ),
    },
  );
  return fc.array(
    fc.record({
      // One server answers no more than the first thing it is asked.
      says: fc.oneof(
        fc.array(piece, { minLength: 1, maxLength: 1 }),
        fc.array(piece, { maxLength: 4 }),
      ),
      ending,
    }),
    { minLength: 1, maxLength: 3 },
  );
};

/** Strangers at one door, an honest client after each case. */
export const door = ({ name, samples, mayWrite, open, weight = 1 }: DoorOptions): Target =>
  living(
    name,
    async () => {
      const state = mkdtempSync(join(tmpdir(), 'ka-fuzz-'));
      process.env.KA_STATE_DIR = state;
      const over = new AbortController();
      const { to, filledIn = String, answered, serve } = await open(state, over.signal);
      await serve();
      const health = new Health();
      let callers = 0;
      const call = ({ says, ending: how }: Stranger): Promise<string> => {
        callers += 1;
        const from = 'path' in to ? {} : { from: strangerAddress(callers) };
        return visit({ to, ...from }, says, how);
      };
      return {
        input: strangers(samples),
        holds: async (cases) => {
          process.env.KA_STATE_DIR = state;
          const filled = cases.map((one) => ({ ...one, says: one.says.map(filledIn) }));
          const answers = await Promise.all(filled.map(call));
          answered?.(
            filled.flatMap(({ says }) => says),
            answers,
          );
          await within(SERVED_MS, 'an honest client is served', serve());
          const strange = treeOf(state).filter((path) => !mayWrite.test(path));
          mustBe(strange.length === 0, `it wrote ${strange.join(', ')}`);
          await health.check();
        },
        [Symbol.asyncDispose]: async () => {
          over.abort();
          health[Symbol.dispose]();
          delete process.env.KA_STATE_DIR;
          rmSync(state, { recursive: true });
        },
      };
    },
    weight,
  );
