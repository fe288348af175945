/** The golden's end of ka's chain as a process of its own: reads the source, sends, says how much. */
import { stat, statfs } from 'node:fs/promises';
import { chooseEncoding, measureSource } from '../golden/encoding.ts';
import { measureLine } from '../golden/line-rate.ts';
import { type Encoding, type StreamSource, streamSource } from '../golden/stream-source.ts';
import { DEFAULT_REDUNDANCY } from '../protocol/constants.ts';
import { chunkSource } from '../relay/byte-source.ts';
import { Origin } from '../relay/origin.ts';
import { type ChainSource, EPOCH, OriginRequest, PASS } from './chain-messages.ts';
import { listen, report, reportTrouble } from './chain-reporting.ts';
import { fileSource } from './file-source.ts';

type Start = Extract<OriginRequest, { type: 'start' }>;

const { signal } = new AbortController();
const log = (): void => undefined;
let running: { origin: Origin; start: Start } | null = null;

const begin = (name: string, kind: string, encoding: Encoding, expectedBytes: number) => ({
  name,
  kind,
  encoding,
  expectedBytes,
});

/** As each pass does before its first stream. */
const measure = (origin: Origin, nodes: number): Promise<number> => {
  const acknowledging = Math.min(DEFAULT_REDUNDANCY, nodes);
  return measureLine(origin, () => acknowledging, signal);
};

const sendFile = async (origin: Origin, path: string, nodes: number): Promise<number> => {
  await measure(origin, nodes);
  report({ type: 'sending', encoding: 'identity' });
  const { size } = await stat(path);
  const file = begin('file', 'raw', 'identity', size);
  const { sentBytes } = await origin.send(file, fileSource(path));
  return sentBytes;
};

const sendEmpty = async (origin: Origin, streams: number): Promise<number> => {
  report({ type: 'sending', encoding: 'identity' });
  for (let number = 1; number <= streams; number += 1) {
    await origin.send(begin(`empty ${number}`, 'raw', 'identity', 0), chunkSource([]));
  }
  return 0;
};

const treeSource = (path: string): StreamSource =>
  streamSource({
    plan: { name: 'tree', kind: 'files', mount: '/' },
    path,
    exclude: [],
    mounts: [],
  });

const sendTree = async (origin: Origin, path: string, nodes: number): Promise<number> => {
  const source = treeSource(path);
  const line = await measure(origin, nodes);
  const encoding = chooseEncoding({ ...(await measureSource(source, log, signal)), line });
  report({ type: 'sending', encoding });
  const opened = source.open({ encoding, signal, log });
  const { blocks, bfree, bsize } = await statfs(path);
  await origin.send(begin('tree', 'files', encoding, (blocks - bfree) * bsize), opened);
  return opened.sourceBytes;
};

const send = (origin: Origin, source: ChainSource, nodes: number): Promise<number> => {
  switch (source.kind) {
    case 'file':
      return sendFile(origin, source.path, nodes);
    case 'empty':
      return sendEmpty(origin, source.streams);
    case 'tree':
      return sendTree(origin, source.path, nodes);
  }
};

const go = async (): Promise<void> => {
  if (running === null) throw new Error('told to go before it was started');
  const { origin, start } = running;
  const sourceBytes = await send(origin, start.source, start.nodes);
  await origin.finish();
  await origin.emptied;
  report({ type: 'sent', sourceBytes, sentBytes: origin.stats().sent });
};

listen(async (message) => {
  const request = OriginRequest.parse(message);
  if (request.type === 'go') return go();
  const { host, key, ringBytes } = request;
  const origin = new Origin(
    {
      key: Buffer.from(key, 'base64'),
      pass: PASS,
      listen: { host, port: 0 },
      ringBytes,
      redundancy: DEFAULT_REDUNDANCY,
      signal,
    },
    reportTrouble,
  );
  running = { origin, start: request };
  await origin.listen();
  origin.serve({ pass: PASS, epoch: EPOCH, downstream: 1, nodes: request.nodes });
  report({ type: 'listening', port: origin.port });
});
