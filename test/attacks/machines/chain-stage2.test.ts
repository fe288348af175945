/** Stage2 is what a bare machine runs next: what its image does not have is never put in place. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterEach, expect, test } from '@jest/globals';
import { enterStage2, makeRoom, stage2Sink } from '../../../client-agent/stage1/stage2-image.ts';
import { run } from '../../../system/run.ts';

const PLACE = '/run/ka/stage2';
const MIB = 1024 * 1024;
const log: string[] = [];
const options = {
  log: (line: string) => {
    log.push(line);
  },
  signal: new AbortController().signal,
};

afterEach(async () => {
  log.length = 0;
  if ((await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${PLACE} `)) {
    await run('umount', [PLACE]);
  }
});

test.each(['one byte is another', 'the last byte is missing', 'it is something else'])(
  'stage2 of which %s is neither mounted nor run',
  async (how) => {
    // Not a squashfs at all: if it were tried to mount it, that would be seen.
    const stage2 = randomBytes(2 * MIB);
    const manifest = createHash('sha256').update(stage2).digest('hex');
    const forged = Buffer.from(stage2);
    forged[MIB] = (forged[MIB] ?? 0) ^ 1;
    const came = {
      'one byte is another': forged,
      'the last byte is missing': stage2.subarray(0, -1),
      'it is something else': randomBytes(100),
    }[how];
    await makeRoom(2 * MIB, MIB, options);
    const sink = stage2Sink();
    await sink.write([came ?? stage2]);
    await sink.end();
    log.length = 0;
    await expect(enterStage2(manifest, options)).rejects.toMatchObject({ code: 'ForgedStream' });
    expect(log).toEqual([]);
  },
);
