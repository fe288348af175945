/** Parsers of option values: the value, or one line that says what was expected. */
import { InvalidArgumentError } from 'commander';

/** A whole number of at least `least`. */
export const wholeNumber =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `${least} to ${most}`;
    throw new InvalidArgumentError(`expected a whole number ${range}.`);
  };

export const port = wholeNumber(1, 65_535);

/** "90", "90s", "10m", "2h" as milliseconds. */
export const duration = (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text);
  if (!match) throw new InvalidArgumentError('expected a time such as 90s, 10m or 2h.');
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 1000;
  return Number(match[1]) * unitMs;
};

/** NAME=VALUE. */
export const pair = (text: string): [string, string] => {
  const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('expected two words, or NAME=VALUE.');
  }
  return [name, value];
};

/** Gathers the values of an option that may be given several times. */
export const gather =
  <T>(parse: (text: string) => T) =>
  (text: string, before: T[] = []): T[] => [...before, parse(text)];

/** HOST or HOST:PORT. */
export const hostAndPort =
  (defaultPort: number) =>
  (text: string): { host: string; port: number } => {
    const [, host, number] = /^([^:]+)(?::(\d+))?$/.exec(text) ?? [];
    if (host === undefined) throw new InvalidArgumentError('expected HOST or HOST:PORT.');
    return { host, port: number === undefined ? defaultPort : port(number) };
  };
