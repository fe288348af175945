/** A terminal of a chosen size that keeps what is written and takes keys. */
import { PassThrough, Writable } from 'node:stream';

export const terminal = (columns: number, rows: number) => {
  const writes: string[] = [];
  const out = new Writable({
    write: (bytes: Buffer, _encoding, done) => {
      writes.push(bytes.toString());
      done();
    },
  });
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (mode: boolean) => raw.push(mode),
    ref: () => undefined,
    unref: () => undefined,
  });
  return {
    stdout: Object.assign(out, { columns, rows, isTTY: true }) as unknown as NodeJS.WriteStream,
    stdin: input as unknown as NodeJS.ReadStream,
    press: (keys: string): void => {
      input.write(keys);
    },
    /** All that was written so far. */
    written: (): string => writes.join(''),
    /** The same, as it came. */
    writes,
    /** Last raw mode asked for. */
    isRaw: (): boolean => raw.at(-1) ?? false,
  };
};
