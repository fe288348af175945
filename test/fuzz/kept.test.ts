/** What fuzzing the wire and its state has found, each as its smallest case. */
import { describe, expect, test } from '@jest/globals';
import { checkPlan } from '../../client-agent/check-plan.ts';
import { parseStatusTarget } from '../../client-agent/status-reader.ts';
import { ClonePlan } from '../../desc/clone-plan.ts';
import { nodeName } from '../../golden/node-name.ts';
import { Rate } from '../../golden/rate.ts';
import { reportBuilder } from '../../golden/report.ts';
import { Hello } from '../../protocol/admission.ts';
import { parseBootArguments } from '../../protocol/boot-arguments.ts';
import { GoldenMessage } from '../../protocol/control.ts';
import { readFrameJson, StreamAbort, StreamBegin } from '../../protocol/frame.ts';
import { Report } from '../../protocol/report.ts';
import { Name } from '../../protocol/text.ts';
import { isPrintable } from '../../system/printable.ts';
import { someHello } from '../support/hello.ts';

const CLEAR = '\u001b[2J';

const messageOf = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error('it was not refused');
};

describe('what a golden says', () => {
  const welcome = {
    ...{ type: 'welcome', session: 'lab', node: 1, name: 'node01' },
    ...{ present: 1, wanted: 2, time: 1e12 },
  };

  test.each([
    ['a session', { session: CLEAR }],
    ['a name', { name: CLEAR }],
    ['a number no frame can say', { node: 2 ** 32 }],
  ])('a welcome with %s that is none is not read', (_, changes) => {
    expect(GoldenMessage.safeParse(welcome).success).toBe(true);
    expect(GoldenMessage.safeParse({ ...welcome, ...changes }).success).toBe(false);
  });

  test('a pass in which nobody keeps anything for anybody is not read', () => {
    const pass = {
      type: 'pass',
      order: {
        ...{ pass: 1, epoch: 1, downstream: null },
        upstream: { node: 0, key: `${'A'.repeat(43)}=`, host: '', port: 1 },
      },
      ...{ network: 'open', key: `${'A'.repeat(22)}==`, ringBytes: 65_536, redundancy: 1 },
    };
    expect(GoldenMessage.safeParse(pass).success).toBe(true);
    expect(GoldenMessage.safeParse({ ...pass, redundancy: 0 }).success).toBe(false);
    expect(GoldenMessage.safeParse({ ...pass, redundancy: 256 }).success).toBe(false);
  });

  test('a stream whose name is no text for a terminal is not vouched for', () => {
    const vouch = {
      ...{ type: 'vouch', pass: 1, stream: 1, name: 'files /', kind: 'files' },
      ...{ encoding: 'zstd', bytes: 0, sha256: '0'.repeat(64) },
    };
    expect(GoldenMessage.safeParse(vouch).success).toBe(true);
    expect(GoldenMessage.safeParse({ ...vouch, name: CLEAR }).success).toBe(false);
    expect(GoldenMessage.safeParse({ ...vouch, bytes: -1 }).success).toBe(false);
  });
});

describe('a plan', () => {
  const GUID = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
  const partition = {
    ...{ number: 1, role: 'primary', startSector: 2048, sizeSectors: 8, type: GUID },
    ...{ flags: [], content: 'empty' },
  };
  const plan = (partitions: readonly unknown[], streams: readonly unknown[]): ClonePlan =>
    ClonePlan.parse({
      ...{ hostname: 'a', goldenHostname: 'b', mayBeCompressed: false, exclude: [], bootCode: {} },
      disks: partitions.map((partitionsOfDisk) => ({
        ...{ name: 'sda', device: '/dev/sda', sizeBytes: 2 ** 30, sectorBytes: 512 },
        ...{ table: 'gpt', tableId: GUID, keepsData: false, partitions: partitionsOfDisk },
      })),
      streams,
      bootloader: {
        ...{ kind: 'none', firmware: 'bios', initramfsModules: [], initramfsOptions: [] },
      },
    });
  const refused = expect.objectContaining({ code: 'PlanRefused' });

  test('does not make one partition twice', () => {
    const offered = { devices: ['/dev/sda'], directory: false };
    const other = { ...partition, number: 2 };
    expect(() => checkPlan(plan([[partition, other]], []), offered)).not.toThrow();
    expect(() => checkPlan(plan([[partition, partition]], []), offered)).toThrow(refused);
  });

  test('sends nothing to a directory without saying where', () => {
    const offered = { devices: [], directory: true };
    const stream = { name: 'files /', kind: 'files', disk: 'sda', partition: 1 };
    expect(() => checkPlan(plan([], [{ ...stream, mount: '/' }]), offered)).not.toThrow();
    expect(() => checkPlan(plan([], [stream]), offered)).toThrow(refused);
  });
});

describe('a rate', () => {
  test('takes nothing away when the clock is set back', () => {
    const rate = new Rate(1, 2, 3_600_000);
    expect(rate.take(0)).toBe(true);
    expect(rate.take(0)).toBe(true);
    expect(rate.take(0)).toBe(false);
    expect(rate.take(1000)).toBe(true);
  });
});

describe('a node without a name', () => {
  test('is not called like a golden that is called node01', () => {
    const some = someHello();
    const hello = { ...some, inventory: { ...some.inventory, hostname: '' } };
    expect(nodeName([], 'node01', hello, '10.0.0.1', 1, new Set())).toBe('node02');
  });
});

describe('a report', () => {
  test('names its logs in printable words', () => {
    expect(Report.shape.nodes.element.shape.log.parse(`${CLEAR}node01.log`)).toBe('node01.log');
  });

  test('has no time below zero when the clock is set back', () => {
    const { listen, build } = reportBuilder('1', () => 'log');
    const event = { node: 1, name: 'a', address: '', state: 'waiting' } as const;
    for (const time of [1000, 0]) listen({ ...event, kind: 'node', macs: [], time });
    expect(Report.safeParse(build()).success).toBe(true);
  });
});

describe('what a node says', () => {
  test('is not cut in the middle of a character', () => {
    expect(Name.parse('𝔊'.repeat(129))).toBe(`${'𝔊'.repeat(127)}…`);
  });
});

describe('what a member says in a frame', () => {
  const payload = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

  test('a stream cannot be called what no terminal shows', () => {
    const begin = { name: CLEAR, kind: 'files', encoding: 'identity', expectedBytes: null };
    expect(() => readFrameJson(StreamBegin, payload(begin))).toThrow(
      expect.objectContaining({ code: 'FrameDamaged' }),
    );
  });

  test('why a stream was given up is one printable line', () => {
    const { reason } = readFrameJson(StreamAbort, payload({ reason: `${CLEAR}gone\nby` }));
    expect(reason).toBe('gone by');
  });
});

describe('what is refused is told in printable words', () => {
  test('a version', () => {
    expect(Hello.safeParse(someHello({ version: `1${CLEAR}` })).success).toBe(false);
  });

  test('a node to look at', () => {
    expect(isPrintable(messageOf(() => parseStatusTarget(CLEAR)))).toBe(true);
  });

  test('a disk on the kernel line', () => {
    expect(isPrintable(messageOf(() => parseBootArguments(`ka.disk=${CLEAR}`)))).toBe(true);
  });
});
