/** The golden's end of ka's chain as a process of its own: reads the source, sends, says how much. */
import { stat, statfs } from 'node:fs/promises';
import { chooseEncoding, measureSource } from '../golden/encoding.ts';
import { measureLine } from '../golden/line-rate.ts';
import { type Encoding, type StreamSource, streamSource } from '../golden/stream-source.ts';
import { DEFAULT_REDUNDANCY } from '../protocol/constants.ts';
import { chunkSource } from '../relay/byte-source.ts';
import { Origin } from '../relay/origin.ts';
import { EPOCH, OriginRequest, PASS, SESSION } from './chain-messages.ts';
import { listen, report, reportTrouble } from './chain-reporting.ts';
import { fileSource } from './file-source.ts';

type Start = Extract<OriginRequest, { type: 'start' }>;

const { signal } = new AbortController();
const log = (): void => undefined;

interface Running {
  origin: Origin;
  start: Start;
  prepared: Prepared | null;
}

let running: Running | null = null;

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

/** A way to send the source, chosen; `send` resolves to the source's bytes. */
interface Prepared {
  encoding: Encoding;
  send(): Promise<number>;
}

const prepareFile = async (origin: Origin, path: string, nodes: number): Promise<Prepared> => {
  await measure(origin, nodes);
  const { size } = await stat(path);
  return {
    encoding: 'identity',
    send: async () => {
      const file = begin('file', 'raw', 'identity', size);
      return (await origin.send(file, fileSource(path))).sentBytes;
    },
  };
};

const prepareEmpty = (origin: Origin, streams: number): Prepared => ({
  encoding: 'identity',
  send: async () => {
    for (let number = 1; number <= streams; number += 1) {
      await origin.send(begin(`empty ${number}`, 'raw', 'identity', 0), chunkSource([]));
    }
    return 0;
  },
});

const treeSource = (path: string): StreamSource =>
  streamSource({
    plan: { name: 'tree', kind: 'files', mount: '/' },
    path,
    exclude: [],
    mounts: [],
  });

const prepareTree = async (origin: Origin, path: string, nodes: number): Promise<Prepared> => {
  const source = treeSource(path);
  const line = await measure(origin, nodes);
  const encoding = chooseEncoding({ ...(await measureSource(source, log, signal)), line });
  return {
    encoding,
    send: async () => {
      const opened = source.open({ encoding, signal, log });
      const { blocks, bfree, bsize } = await statfs(path);
      await origin.send(begin('tree', 'files', encoding, (blocks - bfree) * bsize), opened);
      return opened.sourceBytes;
    },
  };
};

const prepare = async ({ origin, start }: Running): Promise<Prepared> => {
  const { source, nodes } = start;
  switch (source.kind) {
    case 'file':
      return prepareFile(origin, source.path, nodes);
    case 'empty':
      return prepareEmpty(origin, source.streams);
    case 'tree':
      return prepareTree(origin, source.path, nodes);
  }
};

const send = async ({ origin, prepared }: Running): Promise<void> => {
  if (prepared === null) throw new Error('told to send before it has measured');
  const sourceBytes = await prepared.send();
  await origin.finish();
  await origin.emptied;
  report({ type: 'sent', sourceBytes, sentBytes: origin.stats().sent });
};

listen(async (message) => {
  const request = OriginRequest.parse(message);
  if (request.type !== 'start') {
    if (running === null) throw new Error(`told to ${request.type} before it was started`);
    if (request.type === 'send') return send(running);
    running.prepared = await prepare(running);
    const { encoding } = running.prepared;
    report({ type: 'measured', encoding, position: running.origin.stats().sent });
    return;
  }
  const { host, network, key, ringBytes } = request;
  const origin = new Origin(
    {
      session: SESSION,
      pass: PASS,
      network,
      key: Buffer.from(key, 'base64'),
      listen: { host, port: 0 },
      ringBytes,
      redundancy: DEFAULT_REDUNDANCY,
      signal,
    },
    reportTrouble,
  );
  running = { origin, start: request, prepared: null };
  await origin.listen();
  const downstream = { node: 1, key: request.linkKey };
  origin.serve({ pass: PASS, epoch: EPOCH, downstream, nodes: request.nodes });
  report({ type: 'listening', port: origin.port });
});
