/**
 * Who was let into a session, written down: a golden that is killed and started
 * again lets the same nodes in, by the same join string. Gone with the session's end.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseMessage } from '../protocol/parse-message.ts';
import { Mac } from '../system/names.ts';
import { readIfThere } from '../system/read-if-there.ts';
import { replaceFile } from '../system/replace-file.ts';
import { stateDirectory } from '../system/state-directory.ts';
import { Pin } from '../trust/pin.ts';
import { newSecret, Secret } from '../trust/secret.ts';

const Admitted = z.object({
  pin: Pin,
  /** The address its ticket was made for. */
  bootMac: Mac.nullable(),
});
export type Admitted = z.infer<typeof Admitted>;

const Record = z.object({
  token: Secret,
  /** Number of the last pass. */
  pass: z.int().min(0),
  nodes: z.array(Admitted),
});

const fileOf = (session: string): string =>
  join(stateDirectory(), 'run', `${session}.admissions.json`);

export class Admissions {
  /** Of the join string. */
  readonly token: string;
  readonly #file: string;
  readonly #onError: (error: Error) => void;
  readonly #nodes: Admitted[];
  #pass: number;

  /** `onError` hears when it cannot be written down; then it does not outlive this process. */
  constructor(session: string, onError: (error: Error) => void) {
    this.#file = fileOf(session);
    this.#onError = onError;
    const left = parseMessage(Record, readIfThere(this.#file) ?? '');
    this.token = left?.token ?? newSecret();
    this.#nodes = left?.nodes ?? [];
    this.#pass = left?.pass ?? 0;
    this.#write();
  }

  /** Nodes in it; at the beginning those that a killed golden has left. */
  get count(): number {
    return this.#nodes.length;
  }

  of(pin: string): Admitted | undefined {
    return this.#nodes.find((node) => node.pin === pin);
  }

  add(node: Admitted): void {
    this.#nodes.push(node);
    this.#write();
  }

  /** A node that was taken out by the operator is not let in again by what it had. */
  remove(pin: string): void {
    this.#nodes.splice(0, Infinity, ...this.#nodes.filter((node) => node.pin !== pin));
    this.#write();
  }

  /** Pass numbers never repeat, not after a restart either: they are part of each nonce. */
  nextPass(): number {
    this.#pass += 1;
    this.#write();
    return this.#pass;
  }

  /** The session is over. */
  end(): void {
    rmSync(this.#file, { force: true });
  }

  #write(): void {
    const record = { token: this.token, pass: this.#pass, nodes: this.#nodes };
    try {
      replaceFile(this.#file, `${JSON.stringify(record)}\n`);
    } catch (error) {
      this.#onError(error as Error);
    }
  }
}
