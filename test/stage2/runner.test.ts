import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { cleanUp } from '../../stage2/clean-up.ts';
import { mountsUnder } from '../../stage2/mount-table.ts';
import { runSteps, type StepReport } from '../../stage2/runner.ts';
import { finished, type Step, skipped } from '../../stage2/step.ts';
import { NamedError } from '../../system/named-error.ts';
import { run } from '../../system/run.ts';
import { clonePlan, makeBench } from './support.ts';

const step = (name: string, work: Step['run'], timeoutMs = 10_000): Step => ({
  name,
  timeoutMs,
  tools: () => [],
  run: work,
});

describe('steps', () => {
  test('are reported from start to end and stop at the first failure', async () => {
    await using bench = await makeBench();
    const reports: StepReport[] = [];
    const steps = [
      step('one', async ({ progress }) => {
        progress('half');
        return finished('all');
      }),
      step('two', async () => skipped('not needed')),
      step('three', async () => {
        throw new NamedError('Broken', 'three broke; mend it', { output: 'last line' });
      }),
      step('four', async () => finished()),
    ];
    const running = runSteps(steps, bench.context(clonePlan([])), (report) => reports.push(report));
    await expect(running).rejects.toMatchObject({ code: 'Broken' });
    expect(reports).toEqual([
      { step: 'one', state: 'start' },
      { step: 'one', state: 'progress', detail: 'half' },
      { step: 'one', state: 'finish', detail: 'all' },
      { step: 'two', state: 'start' },
      { step: 'two', state: 'skip', detail: 'not needed' },
      { step: 'three', state: 'start' },
      {
        step: 'three',
        state: 'fail',
        failure: { code: 'Broken', message: 'three broke; mend it', output: 'last line' },
      },
    ]);
  });

  test('end their command when their time is up', async () => {
    await using bench = await makeBench();
    const slow = step(
      'slow',
      async ({ signal }) => {
        await run('sleep', ['30'], { signal });
        return finished();
      },
      300,
    );
    const started = Date.now();
    await expect(
      runSteps([slow], bench.context(clonePlan([])), () => undefined),
    ).rejects.toMatchObject({
      code: 'TimedOut',
      message: expect.stringContaining('slow'),
    });
    expect(Date.now() - started).toBeLessThan(5000);
  });

  test('end their command when the session stops', async () => {
    await using bench = await makeBench();
    const stop = new AbortController();
    const slow = step('slow', async ({ signal }) => {
      await run('sleep', ['30'], { signal });
      return finished();
    });
    setTimeout(() => stop.abort(new Error('operator')), 200);
    const context = bench.context(clonePlan([]), null, stop.signal);
    await expect(runSteps([slow], context, () => undefined)).rejects.toMatchObject({
      code: 'Aborted',
      message: expect.stringContaining('operator'),
    });
  });
});

describe('cleaning up', () => {
  test('unmounts nested mounts and ends what still runs inside', async () => {
    await using bench = await makeBench();
    const { target, log } = bench;
    await run('mount', ['-t', 'tmpfs', 'tmpfs', target]);
    await mkdir(join(target, 'bin'));
    await mkdir(join(target, 'inner'));
    await run('mount', ['-t', 'tmpfs', 'tmpfs', join(target, 'inner')]);
    await run('mount', ['--bind', '/', join(target, 'bin')]);
    const child = spawn('chroot', [join(target, 'bin'), 'sleep', '60'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await sleep(200);
    expect(await cleanUp({ target, log: (line) => log.push(line) })).toEqual([]);
    await ended;
    expect(await mountsUnder(target)).toEqual([]);
  });

  test('detaches a mount that stays busy, and says so', async () => {
    await using bench = await makeBench();
    const { target, log } = bench;
    await run('mount', ['-t', 'tmpfs', 'tmpfs', target]);
    const child = spawn('sleep', ['60'], { cwd: target, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    const leftOvers = await cleanUp({ target, log: (line) => log.push(line) });
    child.kill();
    await ended;
    expect(leftOvers).toEqual([expect.stringMatching(/stays in use.*detached lazily/)]);
    expect(await mountsUnder(target)).toEqual([]);
  });

  test('finds mounts that another mount namespace has taken along', async () => {
    await using bench = await makeBench();
    const { device } = await bench.disk(8 * 1024 * 1024);
    await run('mkfs.ext2', ['-q', device]);
    await run('mount', [device, bench.target]);
    const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sleep', '60'], {
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await sleep(300);
    await cleanUp({ target: bench.target, log: (line) => bench.log.push(line) });
    // e2fsck -n says "in use" and fails on a mounted file system that is not clean.
    const { stdout } = await run('e2fsck', ['-f', '-n', device]);
    child.kill();
    await ended;
    expect(stdout).not.toContain('in use');
  });
});
