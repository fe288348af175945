import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { WIDE_COLUMNS } from '../../board/layout.ts';
import { PROGRESS_MS } from '../../board/plain.ts';
import { INITRAMFS_TOOLS } from '../../boot/initramfs/tools.ts';
import { firmwareOf, LOADERS } from '../../boot/loaders/loaders.ts';
import { EXIT_USAGE } from '../../cli/exit.ts';
import { addGoldenCommand } from '../../cli/golden.ts';
import { SILENCE_MS as GOLDEN_SILENCE_MS } from '../../client-agent/golden-link.ts';
import { BACKLOG_LINES, READER_LIMITS } from '../../client-agent/status-server.ts';
import { BEHIND_BYTES, EMPTY, FULL, SLOW_MS, STALL_MS } from '../../golden/chain-keeper.ts';
import { READ_BYTES, SAMPLE_MS, WORTH_IT } from '../../golden/encoding.ts';
import { LAST_PASS_REST_MS, MAX_PASSES, MAX_PLANS } from '../../golden/member.ts';
import {
  FINISH_MS,
  PREPARE_MS,
  PROGRESS_BYTES,
  RECEIVE_MS,
  UNTOLD_MS,
} from '../../golden/patience.ts';
import { BOOT_MS, UNSEEN_BOOT_MS } from '../../golden/releases.ts';
import { PREPARE_GRACE_MS } from '../../golden/session.ts';
import { MAX_CONCURRENT } from '../../golden/settle-service.ts';
import { CHOICE_SECONDS } from '../../images/netboot/boot-files.ts';
import {
  ACK_BYTES,
  ACK_INTERVAL_MS,
  DEFAULT_REDUNDANCY,
  HEARTBEAT_MS,
  HEARTBEATS_MISSED,
  MAX_PAYLOAD_BYTES,
  OFFER_GROUP,
  PORTS,
} from '../../protocol/constants.ts';
import {
  FRAME_HEADER_BYTES,
  FRAME_SIGNED_BYTES,
  FRAME_TAG_BYTES,
  FrameType,
} from '../../protocol/frame.ts';
import {
  ANSWER_BYTES,
  CHALLENGE_BYTES,
  GET_BYTES,
  HELLO_BYTES,
  linkStatuses,
} from '../../protocol/link.ts';
import { frameSize } from '../../relay/frame-size.ts';
import { DECLINED_UNREPORTED, Redial } from '../../relay/redial.ts';
import {
  FLUSH_MS,
  FRAME_LEAST_BYTES,
  STALL_MS as FRAME_STALL_MS,
  FRAMES_DELAY_SHARE,
  HANDSHAKE_MS,
  KEEP_ALIVE_MS,
  SEALED_FRAME_BYTES,
  SILENCE_MS,
} from '../../relay/tuning.ts';
import { COMMAND_TIMEOUT_MS, GIVE_UP_MS } from '../../stage2/boot-entry.ts';
import { BOOT_CODE_BYTES } from '../../stage2/boot-sector.ts';
import { AT_ONCE } from '../../stage2/format.ts';
import { PATIENCE_S } from '../../stage2/phone-home-script.ts';
import type { Step } from '../../stage2/step.ts';
import { finishSteps, prepareSteps } from '../../stage2/steps.ts';
import { BROKEN_RUNS, RANDOM_NODES, RANDOM_PARTS, RANDOM_RUNS } from '../simulation/amounts.ts';
import { type Claim, rowsOf, wrongIn } from './documented.ts';

const MIB = 1024 * 1024;
const seconds = (ms: number): number => ms / 1000;
const minutes = (ms: number): number => ms / 60_000;
const percent = (share: number): number => Math.round(share * 100);

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (document: string): Promise<string> => readFile(`${root}${document}`, 'utf8');

/** Default of an option of `ka golden`. */
const goldenDefault = (flag: string): number => {
  const program = new Command();
  addGoldenCommand(program);
  const option = program.commands[0]?.options.find(({ long }) => long === flag);
  return Number(option?.defaultValue);
};

/** Pauses of one whose upstream stays away. */
const redial = new Redial();
const pauses = Array.from({ length: 6 }, () => redial.ended('lost', 0).delayMs);

const heartbeatMs = HEARTBEATS_MISSED * HEARTBEAT_MS;

const claims: Readonly<Record<string, readonly Claim[]>> = {
  'docs/architecture.md': [['the others get # more minute', minutes(PREPARE_GRACE_MS)]],
  'docs/session.md': [
    ['# heartbeats missed (# s)', HEARTBEATS_MISSED, seconds(heartbeatMs)],
    ['no data for # s although there is some', seconds(STALL_MS)],
    [
      'for # s its ring is more than # % full and its disk takes less than # % of the best rate',
      ...[seconds(SLOW_MS), percent(FULL), goldenDefault('--slow-share')],
    ],
    ['is # % of a ring, or # MiB, behind its upstream', percent(EMPTY), BEHIND_BYTES / MIB],
    ['prepares for # min, or finishes for # min', ...[minutes(PREPARE_MS), minutes(FINISH_MS)]],
    [
      'less than # MiB of a pass in # min, or not a word of how far it is for # s',
      ...[PROGRESS_BYTES / MIB, minutes(RECEIVE_MS), seconds(UNTOLD_MS)],
    ],
    ['began to prepare # times without coming into a pass', MAX_PLANS],
    ['silence for # s', seconds(GOLDEN_SILENCE_MS)],
    ['that missed # passes rests for # s', MAX_PASSES - 1, seconds(LAST_PASS_REST_MS)],
    ['one that missed # has failed', MAX_PASSES],
    ['At most # run at once', MAX_CONCURRENT],
    ['the first # MiB of its own data', READ_BYTES / MIB],
    ['what it reads in # s', seconds(SAMPLE_MS)],
    ['faster by # % or more', percent(WORTH_IT - 1)],
    ['control #/tcp, data #/tcp, offers #/udp', PORTS.control, PORTS.data, PORTS.offer],
    ['status #/tcp, reports from own disks #/tcp', PORTS.status, PORTS.home],
    ['boot files are always served on #/tcp', PORTS.boot],
    ['one line over TCP, port #,', PORTS.home],
    ['not said so within # minutes', minutes(BOOT_MS)],
    ['`--reboot-window` (#)', goldenDefault('--reboot-window')],
    ['without reports, after # minute', minutes(UNSEEN_BOOT_MS)],
    ['· # wrong usage', EXIT_USAGE],
  ],
  'docs/wire.md': [
    ['before a hop forgets it (default #)', DEFAULT_REDUNDANCY],
    ['payload length, at most # MiB', MAX_PAYLOAD_BYTES / MIB],
    [`| ${FRAME_SIGNED_BYTES} | # | tag |`, FRAME_TAG_BYTES],
    ['| # | | payload |', FRAME_HEADER_BYTES],
    ['the first # bytes are authenticated with it', FRAME_SIGNED_BYTES],
    [
      "at most # % of the stream's time (or # KiB",
      ...[percent(FRAMES_DELAY_SHARE), FRAME_LEAST_BYTES / 1024],
    ],
    ['more than # ms after that was begun', FLUSH_MS],
    ...Object.entries(FrameType).map(
      ([name, type]): Claim => [`| # ${name.toUpperCase()} |`, type],
    ),
    ...linkStatuses.map((name, status): Claim => [`- # *${name}*:`, status]),
    ['**hello**, # bytes: magic `KAL1`, # random bytes', HELLO_BYTES, CHALLENGE_BYTES],
    ['**get**, # bytes', GET_BYTES],
    ['**answer**, # bytes', ANSWER_BYTES],
    ['whenever it moves by # MiB', ACK_BYTES / MIB],
    ['within # ms when it moved', ACK_INTERVAL_MS],
    ['and after # s in any case', seconds(KEEP_ALIVE_MS)],
    ['stuck in the middle for # s', seconds(FRAME_STALL_MS)],
    ['silent for # s in the handshake', seconds(HANDSHAKE_MS)],
    ['dials again after #, #, #, #, #, # … ms', ...pauses],
    ['`upstream-lost`, at the # time', DECLINED_UNREPORTED + 1],
    ['acknowledges nothing for # s', seconds(SILENCE_MS)],
  ],
  'docs/board.md': [
    ['a terminal of # columns or more', WIDE_COLUMNS],
    ['at most each # seconds', seconds(PROGRESS_MS)],
    ['on TCP port # to up to # readers', PORTS.status, READER_LIMITS.total],
    ['its last # lines', BACKLOG_LINES],
    ['A Meg is # bytes', MIB],
    ['# for a wrong command line', EXIT_USAGE],
  ],
  'docs/netboot.md': [
    ['(port #/udp)', PORTS.boot],
    ['Each menu waits # seconds', CHOICE_SECONDS],
  ],
  'docs/steps.md': [
    ["(# bytes: the disk's own id starts there)", BOOT_CODE_BYTES],
    ["with the node's own UUIDs, # at a time", AT_ONCE],
    ['or hang for # s', seconds(COMMAND_TIMEOUT_MS + GIVE_UP_MS)],
    ['waits for it (port #', PORTS.home],
    ['It calls for # minutes at most', PATIENCE_S / 60],
    ['one line and exit #', EXIT_USAGE],
  ],
  'docs/scaling.md': [
    ['`relay/frame-size.ts`: # % of the stream', percent(FRAMES_DELAY_SHARE)],
    ['a power of two, # KiB to # MiB', ...[FRAME_LEAST_BYTES / 1024, SEALED_FRAME_BYTES / MIB]],
    ['it is given up after # to # s', seconds(heartbeatMs), seconds(heartbeatMs + HEARTBEAT_MS)],
    ['# sessions of # to # nodes', RANDOM_PARTS * RANDOM_RUNS, ...RANDOM_NODES],
    ['found within # runs', BROKEN_RUNS],
  ],
};

describe('what the documents say is what the code does:', () => {
  test.each(Object.entries(claims))('%s', async (document, list) => {
    expect(wrongIn(document, await read(document), list)).toEqual([]);
  });

  test('the address offers are sent to', async () => {
    expect(await read('docs/session.md')).toContain(`multicast ${OFFER_GROUP}`);
  });

  test('each step, and its limit', async () => {
    const limits = new Map(
      rowsOf(await read('docs/steps.md')).map((cells) => [cells[0], cells.at(-1)]),
    );
    const steps = [...prepareSteps, ...finishSteps];
    expect(steps.map(({ name }) => [name, limits.get(name)])).toEqual(
      steps.map(({ name, timeoutMs }) => [name, `${minutes(timeoutMs)} min`]),
    );
  });

  test('the golden waits for a node longer than all its steps may take', () => {
    const sum = (steps: readonly Step[]) => steps.reduce((ms, step) => ms + step.timeoutMs, 0);
    const spareMs = 15 * 60_000;
    expect(sum(prepareSteps) + spareMs).toBeLessThanOrEqual(PREPARE_MS);
    expect(sum(finishSteps) + spareMs).toBeLessThanOrEqual(FINISH_MS);
  });

  test('each loader and its firmware, each initramfs tool and its options', async () => {
    const rows = rowsOf(await read('docs/steps.md'));
    const cellsOf = (name: string) => rows.find(([first]) => first === `\`${name}\``) ?? [];
    for (const loader of Object.values(LOADERS)) {
      const names = firmwareOf(loader).map((firmware) => firmware.toUpperCase());
      expect([loader.name, cellsOf(loader.name)[1]]).toEqual([loader.name, names.join(', ')]);
    }
    for (const { name, options, modulesFile } of INITRAMFS_TOOLS) {
      const [, place = '', takes = ''] = cellsOf(name);
      const told = [...takes.matchAll(/`(-[\w-]+)`/g)].map(([, option]) => option);
      expect([name, told]).toEqual([name, options.flatMap(({ names }) => names)]);
      if (modulesFile) expect(place).toContain(`\`${modulesFile.path}\``);
    }
  });

  test('the time of a pass for 10 GiB, by the formula', async () => {
    const rows = rowsOf(await read('docs/scaling.md'));
    const bytes = 10 * 1024 * MIB;
    for (const nodes of [1, 10, 100, 1000]) {
      const frame = frameSize(bytes, nodes, SEALED_FRAME_BYTES);
      const cells = [112, 1120].map((mebibytesPerSecond) => {
        const rate = mebibytesPerSecond * MIB;
        const hop = frame / rate + 0.000_06 + (0.0007 * frame) / MIB;
        return `${(bytes / rate + (nodes - 1) * hop).toFixed(1)} s`;
      });
      const size = frame >= MIB ? `${frame / MIB} MiB` : `${frame / 1024} KiB`;
      const row = [nodes.toLocaleString('en'), size, ...cells];
      expect(rows).toContainEqual(row);
    }
  });
});

describe('a document that says something else', () => {
  const claim: Claim = ['silence for # s', 6];

  test('is named, with what it says and what is true', () => {
    expect(wrongIn('docs/x.md', 'a silence for 5 s ends it', [claim])).toEqual([
      'docs/x.md says "silence for 5 s", but the code has 6',
    ]);
    expect(wrongIn('docs/x.md', 'a silence for six\ns ends it', [claim])).toEqual([]);
  });

  test('is named when the sentence has gone', () => {
    expect(wrongIn('docs/x.md', 'nothing of the kind', [claim])).toEqual([
      'docs/x.md has no sentence "silence for # s": correct the list in this test',
    ]);
  });
});
