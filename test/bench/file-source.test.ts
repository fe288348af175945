import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fileSource } from '../../bench/file-source.ts';
import { begin, Chain } from '../relay/support/chain.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ka-direct-'));
  path = join(directory, 'source');
});

afterEach(() => rm(directory, { recursive: true }));

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const startChain = async (options: { ringBytes?: number; delayMs?: number } = {}) => {
  const run = new Chain({
    nodes: 2,
    ...(options.ringBytes === undefined ? {} : { ringBytes: options.ringBytes }),
    sink: () => ({ delayMs: options.delayMs ?? 0 }),
  });
  await run.listen();
  run.order([1, 2]);
  return run;
};

describe('a source read straight into the ring', () => {
  test('arrives whole, whatever its size and the ring, between other streams', async () => {
    const run = await startChain({ ringBytes: 256 * 1024 });
    const sizes = [0, 1, 16_384, 65_536, 65_537, 1_000_003, 0, 5_000_000];
    const files = sizes.map((size) => randomBytes(size));
    for (const [index, bytes] of files.entries()) {
      await writeFile(path, bytes);
      const sent = await run.origin.send(begin(`s${index}`), fileSource(path));
      expect(sent.sentBytes).toBe(bytes.length);
    }
    await run.origin.finish();
    expect(await Promise.all(run.nodes.map(({ result }) => result))).toEqual([
      'finished',
      'finished',
    ]);
    for (const { streams } of run.nodes) {
      for (const [index, bytes] of files.entries()) {
        expect(streams.get(`s${index}`)).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
      }
    }
    await run.close();
  });

  test('waits for a slow sink and loses nothing', async () => {
    const run = await startChain({ ringBytes: 64 * 1024, delayMs: 30 });
    const bytes = randomBytes(600_000);
    await writeFile(path, bytes);
    await run.origin.send(begin('s'), fileSource(path));
    await run.origin.finish();
    expect(await run.node(2).result).toBe('finished');
    expect(run.node(2).streams.get('s')).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
    await run.close();
  });

  test('that cannot be opened is named, and every node hears of it', async () => {
    const run = await startChain();
    await expect(run.origin.send(begin('s'), fileSource(path))).rejects.toMatchObject({
      code: 'SourceFailed',
      message: expect.stringContaining(path),
    });
    for (const { result } of run.nodes) {
      expect(await result).toMatchObject({ code: 'StreamAborted' });
    }
    await run.close();
  });

  test('is let go when the pass is closed while it waits for room', async () => {
    const run = new Chain({ nodes: 1, ringBytes: 64 * 1024 });
    await run.listen();
    await appendFile(path, randomBytes(1_000_000));
    const sending = run.origin.send(begin('s'), fileSource(path));
    setTimeout(() => void run.close(), 100);
    await expect(sending).rejects.toMatchObject({ code: 'Aborted' });
  });
});
