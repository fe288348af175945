/** The golden's key pair and the operator's key, kept below `keys/` of the state directory. */
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from '../system/read-if-there.ts';
import { createFile, replaceFile } from '../system/replace-file.ts';
import { stateDirectory } from '../system/state-directory.ts';
import { type KeyPair, makeKeyPair, pinOfKey } from './key-pair.ts';
import { newSecret, Secret } from './secret.ts';

export interface GoldenKeys extends KeyPair {
  /** Why an older pair was thrown away, for the operator; undefined when none was. */
  renewed: string | undefined;
}

const directory = (): string => join(stateDirectory(), 'keys');

/** Made by an older ka it was open to all. */
const closeDirectory = (): void => {
  mkdirSync(directory(), { recursive: true, mode: 0o700 });
  chmodSync(directory(), 0o700);
};

/** machine-id(5) of this machine; "none" where it has none. */
const machineId = (): string => (readIfThere('/etc/machine-id') ?? '').trim() || 'none';

const PRIVATE = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----\n?/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/;

/** PEM allows text before its parts (RFC 7468, 2). */
const format = ({ key, cert }: KeyPair): string =>
  `Key of this machine as a golden node. Whoever has it can pose as this machine.
machine: ${machineId()}
${key}${cert}`;

/** Undefined when `text` is not the key of this very machine. */
const parse = (text: string): KeyPair | undefined => {
  const [key] = PRIVATE.exec(text) ?? [];
  const [cert] = CERTIFICATE.exec(text) ?? [];
  const machine = /^machine: (\S+)$/m.exec(text)?.[1];
  if (key === undefined || cert === undefined || machine !== machineId()) return undefined;
  return { key, cert, pin: pinOfKey(key) };
};

const RENEWED =
  'the key of this golden was made on another machine, or by an older ka, and may have been cloned: a new one was made; boot waiting nodes again';

/**
 * The key pair of this machine as a golden, made when there is none. One that
 * was made under another machine-id has been cloned with its machine: it is
 * thrown away.
 */
export const goldenKeys = async (): Promise<GoldenKeys> => {
  const path = join(directory(), 'golden.key');
  const text = readIfThere(path);
  const known = text === undefined ? undefined : parse(text);
  if (known) return { ...known, renewed: undefined };
  const made = await makeKeyPair();
  closeDirectory();
  // Two processes may make one at the same time: the first one's counts.
  if (text === undefined) createFile(path, format(made));
  else replaceFile(path, format(made));
  rmSync(join(directory(), 'golden.crt'), { force: true });
  const kept = parse(readFileSync(path, 'utf8')) ?? made;
  return { ...kept, renewed: text === undefined ? undefined : RENEWED };
};

/** What commands of the operator prove themselves with to a session of this machine; never sent to a node. */
export const operatorKey = (): string => {
  const path = join(directory(), 'operator.key');
  const read = () => Secret.safeParse((readIfThere(path) ?? '').trim()).data;
  const known = read();
  if (known !== undefined) return known;
  const made = `${newSecret()}\n`;
  closeDirectory();
  if (readIfThere(path) === undefined) createFile(path, made);
  else replaceFile(path, made);
  return read() ?? operatorKey();
};
