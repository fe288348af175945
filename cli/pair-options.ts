/** Options of the original, of `ka golden`, that take two words: `-p sda desc`, `-M sda mbr.bin`. */
const pairs = new Set(['-p', '--disk-desc', '-M', '--boot-code-file']);

/**
 * Joins the two words into one (`sda=desc`), which is all option parsers know.
 * `-p sda=desc` is left as it is, and so are other commands than `golden`.
 */
export const rewritePairs = (argv: readonly string[]): string[] => {
  if (!argv.slice(0, 3).includes('golden')) return [...argv];
  const result: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    const [first, second] = [argv[index + 1], argv[index + 2]];
    if (word === '--') return [...result, ...argv.slice(index)];
    const joins =
      pairs.has(word) &&
      first !== undefined &&
      second !== undefined &&
      !first.includes('=') &&
      !second.startsWith('-');
    if (joins) {
      result.push(word, `${first}=${second}`);
      index += 2;
    } else result.push(word);
  }
  return result;
};
