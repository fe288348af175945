/** The HTTP boot server: machines without any secret fetch from it, and whoever else likes to. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Download, serveFiles } from '../../images/netboot/file-server.ts';
import { readLabels } from '../../images/netboot/labels-store.ts';
import { bootMenus } from '../../images/netboot/menus.ts';
import { makeImage } from '../images/support/image.ts';
import { eventually } from '../support/eventually.ts';
import { Callers } from './support/callers.ts';

const MIB = 1024 * 1024;
const INITRD = 'images/default/initrd.img';

let state: string;
let over: AbortController;
let callers: Callers;
let errors: string[];
let downloads: Download[];
let onDownload: (download: Download) => void;
let port: number;

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), 'ka-test-'));
  process.env.KA_STATE_DIR = state;
  const image = await makeImage(state);
  writeFileSync(join(image, 'initrd.img'), randomBytes(30 * MIB));
  mkdirSync(join(state, 'pxe/boot'), { recursive: true });
  over = new AbortController();
  callers = new Callers();
  errors = [];
  downloads = [];
  onDownload = (download) => downloads.push(download);
  port = await serveFiles({
    address: '127.0.0.1',
    port: 0,
    menus: bootMenus({
      base: 'http://127.0.0.1:1/',
      image: 'default',
      device: 'lo',
      labels: readLabels,
      onGiven: () => undefined,
      onError: ({ message }) => errors.push(message),
    }),
    onDownload: (download) => onDownload(download),
    onError: ({ message }) => errors.push(message),
    signal: over.signal,
  });
});

afterEach(() => {
  callers[Symbol.dispose]();
  over.abort();
  rmSync(state, { recursive: true });
  delete process.env.KA_STATE_DIR;
});

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** All that is answered to these bytes, until the server closes. */
const ask = async (text: string, from = '127.0.0.2'): Promise<string> => {
  const caller = await callers.call(port, from);
  caller.socket.write(text);
  await eventually('the answer is over', () => caller.isClosed);
  return caller.text;
};

const statusOf = async (text: string): Promise<string | undefined> =>
  /^HTTP\/1\.1 (\d+)/.exec(await ask(text))?.[1];

/** Bytes one machine gets of a file, at its own pace. */
const fetchFile = (file: string, from: string, pauseMs = 0): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: `/${file}`, localAddress: from });
    request.on('error', reject);
    request.on('response', (response) => {
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (pauseMs === 0) return;
        response.pause();
        setTimeout(() => response.resume(), pauseMs);
      });
      response.on('error', reject);
      response.on('end', () => resolve(bytes));
    });
  });

test('400 stalled downloads of one address keep few files open, and other machines boot', async () => {
  const before = openFiles();
  for (let call = 0; call < 400; call += 1) {
    const caller = await callers.call(port, '127.0.0.2');
    caller.socket.pause();
    caller.socket.write(`GET /${INITRD} HTTP/1.1\r\nHost: x\r\n\r\n`);
  }
  expect(await fetchFile(INITRD, '127.0.0.3')).toBe(30 * MIB);
  // Here are both ends, of those that were turned away one at most for a moment.
  await eventually('their files are closed', () => openFiles() - before < 3 * 16 + 10);
  expect(errors).toHaveLength(1);
}, 30_000);

test('questions in advance on one connection open no file each', async () => {
  const before = openFiles();
  const caller = await callers.call(port, '127.0.0.2');
  caller.socket.pause();
  caller.socket.write(`GET /${INITRD} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(1000));
  await eventually('it is ended', async () => {
    caller.socket.resume();
    return caller.isClosed;
  });
  expect(openFiles() - before).toBeLessThan(10);
});

test('200 machines that boot at once all get kernel and initrd', async () => {
  const files = Array.from({ length: 200 }, (_, machine) => {
    const from = `127.0.${2 + (machine >> 7)}.${1 + (machine & 127)}`;
    return fetchFile('images/default/vmlinuz', from);
  });
  expect(await Promise.all(files)).toEqual(files.map(() => 300_000));
  expect(errors).toEqual([]);
  expect(downloads.filter(({ state: how }) => how === 'finish')).toHaveLength(200);
}, 30_000);

test('a machine with a slow line that pauses gets its initrd beside a crowd that stalls', async () => {
  // 30 MiB in pieces of 64 KiB, some milliseconds apart: five times as fast as 10 Mbit/s.
  const slow = fetchFile(INITRD, '127.0.0.3', 10);
  for (let address = 0; address < 70; address += 1) {
    for (const caller of await callers.callOften(port, `127.0.1.${address}`, 16)) {
      caller.socket.write(`GET /${INITRD} HTTP/1.1\r\nHost: x\r\n\r\n`);
      caller.socket.pause();
    }
  }
  expect(await slow).toBe(30 * MIB);
}, 60_000);

describe('what is asked oddly', () => {
  test.each([
    ['..%2f..%2fkeys%2fgolden.key', '..%2f..%2fkeys%2fgolden.key'],
    ['%2e%2e/keys/golden.key', '%2e%2e/keys/golden.key'],
    ['boot.ipxe%00.txt', 'boot.ipxe%00.txt'],
    ['boot.ipxe/', 'boot.ipxe/'],
    ['images/default%2fvmlinuz', 'images/default%2fvmlinuz'],
    ['images/./vmlinuz', 'images/./vmlinuz'],
    ['images/..', 'images/..'],
    ['.hidden', '.hidden'],
    ['a long name', 'x'.repeat(300)],
    ['a long name below', `ipxe/${'x'.repeat(300)}`],
    ['http://elsewhere/boot.ipxe', 'http://elsewhere/boot.ipxe'],
    ['a\\..\\b', 'a\\..\\b'],
    ['boot.ipxe;x', 'boot.ipxe;x'],
    ['link', 'link'],
  ])('%s is not there', async (_what, path) => {
    mkdirSync(join(state, 'keys'));
    writeFileSync(join(state, 'keys/golden.key'), 'secret');
    symlinkSync('../../keys', join(state, 'pxe/boot/link'));
    expect(await statusOf(`GET /${path} HTTP/1.1\r\nHost: x\r\n\r\n`)).toBe('404');
    expect(errors).toEqual([]);
  });

  test('only GET and HEAD, and nothing is taken', async () => {
    for (const method of ['PUT', 'POST', 'DELETE', 'OPTIONS', 'TRACE']) {
      expect(await statusOf(`${method} /x HTTP/1.1\r\nHost: x\r\n\r\n`)).toBe('405');
    }
    expect(await ask('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
    const body = 'Host: x\r\nContent-Length: 99999999\r\n\r\n';
    expect(await statusOf(`GET /${INITRD} HTTP/1.1\r\n${body}`)).toBe('413');
  });

  test('headers have an end, in size and in time', async () => {
    const long = `X: ${'x'.repeat(9000)}\r\n`;
    expect(await statusOf(`GET /x HTTP/1.1\r\n${long}\r\n`)).toBe('431');
    expect(await statusOf(`GET /${'x'.repeat(9000)} HTTP/1.1\r\n\r\n`)).toBe('431');
    const drip = await callers.call(port, '127.0.0.2');
    drip.socket.write('GET /x HTTP/1.1\r\nHost: x\r\n');
    let letters = 0;
    const dripping = setInterval(() => {
      letters += 1;
      drip.socket.write(`X-${letters}: x\r\n`);
    }, 200);
    await eventually('it is ended', () => drip.isClosed, 16_000);
    clearInterval(dripping);
  }, 20_000);

  test('bytes that are no HTTP end that connection', async () => {
    for (let time = 0; time < 20; time += 1) {
      const caller = await callers.call(port, '127.0.0.2');
      caller.socket.write(randomBytes(2000));
      await eventually('it is ended', () => caller.isClosed);
    }
    expect(await fetchFile('images/default/vmlinuz', '127.0.0.3')).toBe(300_000);
  });
});

test('what throws while a file is given ends that download, and is said once', async () => {
  const before = openFiles();
  onDownload = () => {
    throw new Error('out of order');
  };
  for (let time = 0; time < 5; time += 1) {
    await expect(fetchFile(INITRD, '127.0.0.2')).rejects.toThrow();
  }
  onDownload = () => undefined;
  expect(await fetchFile('images/default/vmlinuz', '127.0.0.3')).toBe(300_000);
  expect(errors).toEqual(['boot files by HTTP: out of order']);
  await sleep(50);
  expect(openFiles() - before).toBeLessThan(8);
});
