import type { z } from 'zod';
import { parseStatusTarget } from '../../../client-agent/status-reader.ts';
import { AnyHello, Hello, KnockMessage } from '../../../protocol/admission.ts';
import { GoldenMessage, NodeMessage } from '../../../protocol/control.ts';
import { SessionEvent } from '../../../protocol/events.ts';
import { parseHomeLine } from '../../../protocol/home.ts';
import { printableJson } from '../../../protocol/json-line.ts';
import { AnyOffer, Offer, Query } from '../../../protocol/offer.ts';
import { parseMessage } from '../../../protocol/parse-message.ts';
import { Report } from '../../../protocol/report.ts';
import { isPrintable } from '../../../system/printable.ts';
import { wholeSession } from '../../board/session-events.ts';
import { someHello } from '../../support/hello.ts';
import { json, jsonLike, like } from '../hostile.ts';
import { mustBe, orRefused, parser, same } from '../target.ts';
import { mustBeTame } from './said.ts';

const PIN = 'abcdefghijklmnopqrstuvwxyz';
const SHA256 = '0123456789abcdef'.repeat(4);
const NONCE = '0123456789abcdef'.repeat(2);
const KEY = `${'Aa0+/'.repeat(8)}AAA=`;

const OFFER = {
  ka: 'offer',
  protocol: 3,
  session: 'lab-24',
  host: '10.0.1.42',
  port: 30765,
  fingerprint: PIN,
  admit: 'secret',
  present: 1,
  wanted: 4,
  state: 'waiting',
};

const FAILURE = { code: 'SinkFailed', message: 'tar exited 2', output: 'tar: one\ntar: two' };

const KNOCKS = [
  someHello(),
  someHello({
    session: 'lab-24',
    name: 'node-1.example',
    image: 'f0f0',
    admission: {
      token: PIN,
      ticket: PIN,
      open: true,
      outdated: false,
      commitment: SHA256,
    },
  }),
  { type: 'commit', commitment: SHA256 },
  { type: 'open', nonce: NONCE },
  { type: 'agree' },
];

const NODE_SAYS = [
  { type: 'step', step: 'format sda1', state: 'fail', detail: 'ext4', failure: FAILURE },
  {
    type: 'position',
    pass: 1,
    received: 1000,
    drained: 900,
    linked: true,
    stream: 'files /',
    streamBytes: 800,
    waiting: { upstream: 0.5, sink: 0, downstream: 1 },
  },
  { type: 'warning', message: 'the disk is old' },
  { type: 'warning', message: '𝔊'.repeat(1001) },
  { type: 'trouble', pass: 1, epoch: 2, what: 'gone', message: 'upstream is gone' },
  { type: 'inventory', inventory: someHello().inventory },
  { type: 'phase', phase: 'failed', failure: FAILURE },
  { type: 'log', lines: ['one', 'two\tthree'] },
];

const ORDER = {
  pass: 1,
  epoch: 2,
  upstream: { node: 0, key: KEY, host: '10.0.0.1', port: 30764 },
  downstream: { node: 2, key: KEY },
};

const GOLDEN_SAYS = [
  { type: 'challenge', nonce: NONCE },
  { type: 'again' },
  { type: 'welcome', session: 'lab', node: 1, name: 'node01', present: 1, wanted: 2, time: 1e12 },
  { type: 'waiting', present: 1, wanted: 2 },
  { type: 'equip', bytes: 1e8, sha256: SHA256, ringBytes: 65_536 },
  { type: 'plan', plan: { hostname: 'node01', disks: [] } },
  {
    type: 'pass',
    order: ORDER,
    network: 'open',
    key: `${'A'.repeat(22)}==`,
    ringBytes: 2 ** 26,
    redundancy: 3,
  },
  { type: 'chain', order: { ...ORDER, downstream: null } },
  {
    type: 'vouch',
    pass: 1,
    stream: 1,
    name: 'files /',
    kind: 'files',
    encoding: 'zstd',
    bytes: 7,
    sha256: SHA256,
  },
  { type: 'vouched', pass: 1, streams: [1, 2] },
  { type: 'eject', reason: 'too slow', final: false },
  {
    type: 'complete',
    settle: { user: 'u', secret: 's', token: 't', modules: { '/': 'mount-2f' } },
    home: { port: 30766, token: NONCE },
  },
  { type: 'finish', action: 'reboot', reason: 'cloned' },
];

const REPORT = {
  session: 'lab-24',
  version: '0.1.0',
  network: 'open',
  started: 1,
  finished: 2,
  exitCode: 2,
  wanted: 2,
  failure: FAILURE,
  totals: {
    ...{ passes: 1, sourceBytes: 2, sentBytes: 1 },
    ...{ transferMs: 1.5, emptiedMs: 0, bytesPerSecond: 7 },
  },
  nodes: [
    {
      ...{ node: 1, name: 'node01', address: '10.0.0.1', macs: ['52:54:00:12:34:56'] },
      ...{ result: 'failed', failure: FAILURE, pass: null, seconds: 1.5 },
      steps: [{ step: 'settle', state: 'skip', seconds: 0, detail: 'nothing to do' }],
      log: null,
    },
  ],
};

/** What is let in is tame, and is let in again as it is. */
const letIn = <T>(schema: z.ZodType<T>, said: string, others: readonly string[] = []): void => {
  const value = parseMessage(schema, said);
  if (value === undefined) return;
  mustBeTame(value, others);
  const again = JSON.stringify(value);
  const read = parseMessage(schema, again);
  mustBe(read !== undefined, `it is not let in again: ${again}`);
  same(JSON.stringify(read), again, 'let in again it is another');
};

const message = <T>(
  name: string,
  schema: z.ZodType<T>,
  samples: readonly unknown[],
  { weight, others }: { weight: number; others?: readonly string[] },
) => parser(name, jsonLike(...samples), (said) => letIn(schema, said, others), weight);

export const messageTargets = [
  parser(
    'offers and questions',
    jsonLike(OFFER, { ...OFFER, host: null }, { ka: 'query' }),
    (said) => {
      letIn(Offer, said);
      letIn(AnyOffer, said);
      letIn(Query, said);
      const isOffer = parseMessage(Offer, said) !== undefined;
      mustBe(!isOffer || parseMessage(AnyOffer, said) !== undefined, 'an offer of no version');
    },
    3,
  ),
  parser(
    'knocks',
    jsonLike(...KNOCKS),
    (said) => {
      letIn(Hello, said, ['disks']);
      letIn(AnyHello, said);
      letIn(KnockMessage, said, ['disks']);
    },
    3,
  ),
  message('what nodes say', NodeMessage, NODE_SAYS, { weight: 4, others: ['disks'] }),
  message('what a golden says', GoldenMessage, GOLDEN_SAYS, { weight: 4, others: ['plan'] }),
  message('events', SessionEvent, wholeSession(), { weight: 4 }),
  message('reports', Report, [REPORT, { ...REPORT, session: '', nodes: [] }], { weight: 2 }),
  parser(
    'lines from home',
    like(`ka-home ${NONCE} node01 5f2c-boot`, `ka-home ${NONCE} x\r`),
    (line) => {
      const call = parseHomeLine(line);
      if (!call) return;
      mustBe(/^[0-9a-f]{32}$/.test(call.token), 'the token is none');
      mustBe(isPrintable(call.text), 'the text is not printable');
      mustBe(call.text.length <= line.length, 'the text has grown');
    },
    3,
  ),
  parser(
    'status ports',
    like('node1', 'node1:2345', '10.0.1.4', '[fe80::1]:12345', 'fe80::1'),
    (label) => {
      const target = orRefused(['BadNode'], () => parseStatusTarget(label));
      if (!target) return;
      mustBe(target.host !== '' && target.label === label, 'no host');
      mustBe(Number.isInteger(target.port), 'no port');
      mustBe(target.port >= 1 && target.port <= 65_535, `port ${target.port}`);
    },
    3,
  ),
  parser(
    'lines of JSON',
    json,
    (value) => {
      const line = printableJson(value);
      mustBe(isPrintable(line), 'the line is not printable');
      same(JSON.parse(line), JSON.parse(JSON.stringify(value)), 'read again it is another');
    },
    2,
  ),
];
