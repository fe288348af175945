/** What an attacker would say: text, bytes, numbers and objects made to break who reads them. */
import fc from 'fast-check';

/** Pieces that mean something to somebody: terminals, shells, YAML, paths, prototypes, parsers of numbers. */
const PIECES = [
  '\u001b[2J',
  '\u001b]0;x\u0007',
  '\u009b31m',
  '\u202e',
  '\u2028',
  '\ufeff',
  '\u0000',
  '\ud800',
  '\udc00',
  '\n',
  '\r\n',
  '\t',
  '\\',
  '\\012',
  '\\000',
  '"',
  "'",
  '`id`',
  '$(id)',
  ';id;',
  '%s%n',
  '../',
  '/../..',
  '//',
  './',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '-1',
  '0',
  '1e309',
  '9007199254740993',
  '18446744073709551616',
  '0x10',
  'NaN',
  '٣',
  '::1',
  '::ffff:127.0.0.1',
  '[::]',
  '127.0.0.1',
  ': ',
  '- ',
  '&a [*a, *a]',
  '!!js/function',
  '<<: *a',
  '{',
  ']',
  '#',
  ',',
  '=',
  'é',
  '𝔊',
  'ſ',
  'K',
];

/** At the borders of what fits somewhere. */
export const number: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(
    ...[0, -0, 1, -1, 0.5, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
    ...[2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e308, Number.POSITIVE_INFINITY, Number.NaN],
  ),
  fc.integer(),
  fc.double(),
);

const longText = fc
  .tuple(fc.constantFrom(...PIECES, 'a', ' ', '1', '.'), fc.integer({ min: 50, max: 9000 }))
  .map(([piece, times]) => piece.repeat(times));

/** Any text, also such that is no text. */
export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary' }) },
  {
    weight: 4,
    arbitrary: fc
      .array(fc.oneof(fc.constantFrom(...PIECES), fc.string()), { maxLength: 6 })
      .map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: longText },
);

type Edit = readonly [kind: number, at: number, length: number, piece: string];

const edited = (sample: string, edits: readonly Edit[], other: string): string => {
  let result = sample;
  for (const [kind, where, size, piece] of edits) {
    const at = where % (result.length + 1);
    const end = Math.min(result.length, at + (size % 24));
    const [before, within, after] = [result.slice(0, at), result.slice(at, end), result.slice(end)];
    if (kind === 0) result = before + after;
    else if (kind === 1) result = before + piece + result.slice(at);
    else if (kind === 2) result = before + within + within + after;
    else if (kind === 3) result = before + piece + after;
    else if (kind === 4) result = before + other.slice(where % (other.length + 1));
    else result = before;
  }
  return result;
};

const edit = (piece: fc.Arbitrary<string>): fc.Arbitrary<Edit> =>
  fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 100_000 }), fc.nat({ max: 1000 }), piece);

/** Right texts with pieces cut out, put in, doubled, exchanged; now and then a right one, or none at all. */
export const like = (...samples: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(
          fc.constantFrom(...samples),
          fc.array(edit(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 }))), {
            maxLength: 4,
          }),
          fc.constantFrom(...samples),
        )
        .map(([sample, edits, other]) => edited(sample, edits, other)),
    },
    { weight: 1, arbitrary: text },
  );

/** As `like`, for bytes. */
export const bytesLike = (...samples: readonly Uint8Array[]): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      fc.constantFrom(...samples.map((sample) => Buffer.from(sample).toString('latin1'))),
      fc.array(
        edit(fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1'))),
        { maxLength: 4 },
      ),
    )
    .map(([sample, edits]) => Buffer.from(edited(sample, edits, sample), 'latin1'));

/** Any value JSON can say, with the names that mean something to JavaScript. */
export const json: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    number.filter(Number.isFinite),
    text,
    fc.array(tie('value'), { maxLength: 6 }),
    fc
      .array(
        fc.tuple(fc.oneof(fc.constantFrom('__proto__', 'constructor', 'type'), text), tie('value')),
        { maxLength: 6 },
      )
      .map((entries) => JSON.parse(`{${entries.map(member).join(',')}}`) as unknown),
  ),
})).value;

/** Through JSON, so that `__proto__` is a property as it comes from the wire. */
const member = ([key, value]: [string, unknown]): string =>
  `${JSON.stringify(key)}:${JSON.stringify(value)}`;

/** Every place in a value where something stands, as the object that holds it and the key. */
const places = (value: unknown): [Record<string, unknown>, string][] => {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [
    [holder, key] as [Record<string, unknown>, string],
    ...places(holder[key]),
  ]);
};

const changed = (
  sample: unknown,
  changes: readonly (readonly [number, number, unknown, string])[],
): unknown => {
  const copy: Record<string, unknown> = structuredClone({ whole: sample });
  for (const [kind, where, value, key] of changes) {
    const all = places(copy);
    const [holder, name] = all[where % all.length] ?? [copy, 'whole'];
    if (kind === 0) delete holder[name];
    else if (kind === 1) holder[name] = value;
    else if (kind === 2) {
      const how = { enumerable: true, writable: true, configurable: true };
      Object.defineProperty(holder, key, { value, ...how });
    } else if (kind === 3 && Array.isArray(holder[name])) holder[name].push(...holder[name]);
    else if (kind === 4) holder[name] = [holder[name]];
    else if (typeof holder[name] === 'string') holder[name] = `${holder[name]}${key}`;
    else if (typeof holder[name] === 'number') holder[name] = -holder[name];
  }
  return copy.whole;
};

/** Right values with parts taken out, exchanged, added, doubled. */
export const objectLike = (...samples: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(
          fc.constantFrom(...samples),
          fc.array(
            fc.tuple(
              fc.nat({ max: 6 }),
              fc.nat({ max: 10_000 }),
              fc.oneof(number, text, json),
              text,
            ),
            { maxLength: 3 },
          ),
        )
        .map(([sample, changes]) => changed(sample, changes)),
    },
    { weight: 1, arbitrary: json },
  );

/** As `objectLike`, as it comes over a wire. */
export const jsonLike = (...samples: readonly unknown[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: objectLike(...samples).map((value) => `${JSON.stringify(value)}`) },
    { weight: 2, arbitrary: like(...samples.map((sample) => JSON.stringify(sample))) },
  );
