/** One thing that is fed with cases: how they are made, and what must hold for each. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { NamedError } from '../../system/named-error.ts';

/** What went wrong, and the smallest case for which it does. */
export interface Finding {
  target: string;
  /** Makes the same cases again. */
  seed: number;
  cases: number;
  /** The smallest case, as text. */
  example: string;
  error: unknown;
}

/** A target that is ready for cases. */
export interface OpenTarget extends AsyncDisposable {
  /** The cases of one seed; undefined when all of them held. */
  run(seed: number, cases: number): Promise<Finding | undefined>;
}

export interface Target {
  name: string;
  /** `parser`: parsers and pure state. `living`: a golden or an agent that runs, and is talked to. */
  kind: 'parser' | 'living';
  /** Its part of all cases of its kind, beside the weights of the others. */
  weight: number;
  open(): Promise<OpenTarget>;
}

/** No parser may take longer for one case, in microseconds of this process's own time. */
const MOST_MICROSECONDS = 2_000_000;

const spent = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

const found = <T>(
  target: string,
  { seed, cases }: { seed: number; cases: number },
  details: fc.RunDetails<[T]>,
): Finding | undefined => {
  if (!details.failed) return undefined;
  const example = fc.stringify(details.counterexample?.[0]);
  return { target, seed, cases, example, error: details.errorInstance };
};

/** A pure function, or a state that is made anew for each case. `holds` throws when something does not. */
export const parser = <T>(
  name: string,
  input: fc.Arbitrary<T>,
  holds: (value: T) => void,
  weight = 1,
): Target => ({
  name,
  kind: 'parser',
  weight,
  open: async () => ({
    run: async (seed, cases) => {
      const before = Object.getOwnPropertyNames(Object.prototype).length;
      const property = fc.property(input, (value) => {
        const start = spent();
        holds(value);
        const took = spent() - start;
        if (took > MOST_MICROSECONDS) throw new Error(`took ${Math.round(took / 1000)} ms`);
        if (Object.getOwnPropertyNames(Object.prototype).length !== before) {
          throw new Error('the prototype of all objects was changed');
        }
      });
      return found(name, { seed, cases }, fc.check(property, { seed, numRuns: cases }));
    },
    [Symbol.asyncDispose]: async () => undefined,
  }),
});

/** What runs while cases are said to it. */
export interface Living<T> extends AsyncDisposable {
  input: fc.Arbitrary<T>;
  holds(value: T): Promise<void>;
}

/** A process, a server, a session: opened once, for many cases. A case that does not hold is told as it is: to look for smaller ones would take long. */
export const living = <T>(name: string, start: () => Promise<Living<T>>, weight = 1): Target => ({
  name,
  kind: 'living',
  weight,
  open: async () => {
    const alive = await start();
    return {
      run: async (seed, cases) => {
        const property = fc.asyncProperty(alive.input, (value) => alive.holds(value));
        const details = await fc.check(property, { seed, numRuns: cases, endOnFailure: true });
        return found(name, { seed, cases }, details);
      },
      [Symbol.asyncDispose]: () => alive[Symbol.asyncDispose](),
    };
  },
});

/** The result, or undefined when it was refused with one of these names. Anything else thrown is a finding. */
export const orRefused = <T>(codes: readonly string[], attempt: () => T): T | undefined => {
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof NamedError) || !codes.includes(error.code)) throw error;
    return undefined;
  }
};

/** Throws with these words where something does not hold. */
export const mustBe = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new Error(otherwise);
};

/** Throws with both values where they are not the same, members that are undefined aside. */
export const same = (value: unknown, wanted: unknown, otherwise: string): void => {
  const [seen, right] = [fc.stringify(value), fc.stringify(wanted)];
  if (seen !== right && !isDeepStrictEqual(value, wanted)) {
    throw new Error(`${otherwise}: ${seen} is not ${right}`);
  }
};

/** What a terminal obeys, or what turns the direction of text, by Unicode's own properties: another opinion than `printable`. */
const OBEYED = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u;

/** Throws with text that is not one line a terminal only shows. */
export const mustBeShown = (line: string): void =>
  mustBe(!OBEYED.test(line), `not printable: ${JSON.stringify(line)}`);
