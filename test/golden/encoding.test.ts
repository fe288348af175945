import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chooseEncoding, measureSource } from '../../golden/encoding.ts';
import { streamSource } from '../../golden/stream-source.ts';

const MIB = 1024 * 1024;

describe('whether to compress', () => {
  const rates = { read: 500 * MIB, compress: 300 * MIB, ratio: 0.4, line: 24 * MIB };

  test('a slow line and data that shrinks: yes', () => {
    expect(chooseEncoding(rates)).toBe('zstd');
  });

  test('a network faster than the CPU: no', () => {
    expect(chooseEncoding({ ...rates, line: 1100 * MIB })).toBe('identity');
  });

  test('data that does not shrink: no', () => {
    expect(chooseEncoding({ ...rates, ratio: 0.99 })).toBe('identity');
  });

  test('a disk slower than the line: no, it would only cost CPU', () => {
    expect(chooseEncoding({ ...rates, read: 20 * MIB })).toBe('identity');
  });
});

describe('measuring the golden on its own data', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ka-encoding-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('zeros shrink to almost nothing', async () => {
    writeFileSync(join(directory, 'zeros.txt'), 'ka '.repeat(3 * MIB));
    const source = streamSource({
      plan: { name: '/', kind: 'files', mount: '/' },
      path: directory,
      exclude: [],
      mounts: ['/'],
    });
    const { ratio, read, compress } = await measureSource(
      source,
      () => undefined,
      new AbortController().signal,
    );
    expect(ratio).toBeLessThan(0.05);
    expect(read).toBeGreaterThan(0);
    expect(compress).toBeGreaterThan(0);
  });

  test('a session that is stopped meanwhile, at whatever moment, stops it and nothing else', async () => {
    writeFileSync(join(directory, 'packed'), randomBytes(40 * MIB));
    const source = streamSource({
      plan: { name: '/', kind: 'files', mount: '/' },
      path: directory,
      exclude: [],
      mounts: ['/'],
    });
    for (const ms of [1, 20, 40, 60, 80, 100, 130, 160]) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(new Error('stopped')), ms);
      const measured = measureSource(source, () => undefined, stop.signal);
      const end = await measured.then(
        () => 'measured',
        ({ message }: Error) => message,
      );
      expect(['measured', 'stopped']).toContain(end);
    }
  });

  test('a zstd that fails is told by name', async () => {
    writeFileSync(join(directory, 'packed'), randomBytes(12 * MIB));
    const tools = join(directory, 'bin');
    mkdirSync(tools);
    writeFileSync(join(tools, 'zstd'), '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    const path = process.env.PATH;
    process.env.PATH = `${tools}:${path}`;
    const source = streamSource({
      plan: { name: '/', kind: 'files', mount: '/' },
      path: directory,
      exclude: [],
      mounts: ['/'],
    });
    const { signal } = new AbortController();
    try {
      await expect(measureSource(source, () => undefined, signal)).rejects.toMatchObject({
        code: 'CommandFailed',
        message: expect.stringContaining('zstd exited 3; use --compress none'),
      });
    } finally {
      process.env.PATH = path;
    }
  });

  test('packed files at the beginning do not speak for the rest', async () => {
    mkdirSync(join(directory, 'a'));
    writeFileSync(join(directory, 'a', 'packed'), randomBytes(12 * MIB));
    mkdirSync(join(directory, 'b'));
    writeFileSync(join(directory, 'b', 'text'), 'ka '.repeat(20 * MIB));
    const source = streamSource({
      plan: { name: '/', kind: 'files', mount: '/' },
      path: directory,
      exclude: [],
      mounts: ['/'],
    });
    const { signal } = new AbortController();
    const { ratio } = await measureSource(source, () => undefined, signal);
    expect(ratio).toBeLessThan(0.5);
  });
});
