/** The golden's end of ka's chain as a process of its own: reads the source, sends, says how much. */
import { chooseEncoding, measureSource } from '../golden/encoding.ts';
import { measureLine } from '../golden/line-rate.ts';
import { type Encoding, type StreamSource, streamSource } from '../golden/stream-source.ts';
import { DEFAULT_REDUNDANCY } from '../protocol/constants.ts';
import { chunkSource, fileSource } from '../relay/byte-source.ts';
import { Origin } from '../relay/origin.ts';
import { type ChainSource, EPOCH, OriginRequest, PASS } from './chain-messages.ts';
import { listen, report, reportTrouble } from './chain-reporting.ts';

type Start = Extract<OriginRequest, { type: 'start' }>;

const { signal } = new AbortController();
const log = (): void => undefined;
let running: { origin: Origin; start: Start } | null = null;

const begin = (name: string, kind: string, encoding: Encoding) => ({
  name,
  kind,
  encoding,
  expectedBytes: null,
});

const sendFile = async (origin: Origin, path: string): Promise<number> => {
  report({ type: 'sending', encoding: 'identity' });
  const { sentBytes } = await origin.send(begin('file', 'raw', 'identity'), fileSource(path));
  return sentBytes;
};

const sendEmpty = async (origin: Origin, streams: number): Promise<number> => {
  report({ type: 'sending', encoding: 'identity' });
  for (let number = 1; number <= streams; number += 1) {
    await origin.send(begin(`empty ${number}`, 'raw', 'identity'), chunkSource([]));
  }
  return 0;
};

const treeSource = (path: string): StreamSource =>
  streamSource({
    plan: { name: 'tree', kind: 'files', disk: 'sda', partition: 1, mount: '/' },
    path,
    exclude: [],
    mounts: [],
  });

const sendTree = async (origin: Origin, path: string, nodes: number): Promise<number> => {
  const source = treeSource(path);
  const acknowledging = Math.min(DEFAULT_REDUNDANCY, nodes);
  const line = await measureLine(origin, () => acknowledging, signal);
  const encoding = chooseEncoding({ ...(await measureSource(source, log, signal)), line });
  report({ type: 'sending', encoding });
  const opened = source.open({ encoding, signal, log });
  await origin.send(begin('tree', 'files', encoding), opened);
  return opened.sourceBytes;
};

const send = (origin: Origin, source: ChainSource, nodes: number): Promise<number> => {
  switch (source.kind) {
    case 'file':
      return sendFile(origin, source.path);
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
  origin.serve({ pass: PASS, epoch: EPOCH, downstream: 1 });
  report({ type: 'listening', port: origin.port });
});
