/** Numbers in sentences of the documents, compared with what the code has. */

const WORDS = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
];
const ORDINALS = ['zeroth', 'first', 'second', 'third', 'fourth', 'fifth'];

const NUMBER = `(\\d[\\d,]*(?:\\.\\d+)?|${[...WORDS, ...ORDINALS].join('|')})`;

/** "1,000", "four" and "third" as numbers. */
const numberOf = (text: string): number => {
  const word = Math.max(WORDS.indexOf(text), ORDINALS.indexOf(text));
  return word >= 0 ? word : Number(text.replaceAll(',', ''));
};

/** Words of a document with # for each number, and what the code has for them. */
export type Claim = readonly [words: string, ...numbers: number[]];

const patternOf = (words: string): RegExp => {
  const escaped = words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(escaped.replaceAll('#', NUMBER).replaceAll(' ', '\\s+'), 'i');
};

/** One line for each claim the document does not bear out. */
export const wrongIn = (document: string, text: string, claims: readonly Claim[]): string[] =>
  claims.flatMap(([words, ...wanted]) => {
    const found = patternOf(words).exec(text);
    if (!found) return [`${document} has no sentence "${words}": correct the list in this test`];
    const said = found.slice(1).map((number) => numberOf(number.toLowerCase()));
    if (said.join() === wanted.join()) return [];
    return [`${document} says "${found[0]}", but the code has ${wanted.join(', ')}`];
  });

/** Rows of all tables: the text of their cells. */
export const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
