import { describe, expect, test } from '@jest/globals';
import { startJson } from '../../board/json.ts';
import { startPlain } from '../../board/plain.ts';
import { SessionEvent } from '../../protocol/events.ts';
import { at, progress, T0, upToPass, wholeSession } from './session-events.ts';
import { source } from './source.ts';

const plainOf = (events: readonly SessionEvent[]): string[] => {
  const { emit, subscribe } = source();
  const lines: string[] = [];
  startPlain(subscribe, (line) => lines.push(line));
  for (const event of events) emit(event);
  return lines;
};

describe('plain lines', () => {
  test('tell what the operator should know of a node when it comes', () => {
    const events = wholeSession().map((event) =>
      event.kind === 'node' && event.state === 'waiting' && event.name === 'node02'
        ? { ...event, why: 'its vda (blank) is taken as sda' }
        : event,
    );
    expect(plainOf(events)).toContain(
      'got node node02 (10.0.1.102), 2 of 4 here: its vda (blank) is taken as sda',
    );
  });

  test('tell a whole session, failures included, in the original’s terms', () => {
    expect(plainOf(wholeSession())).toEqual([
      'desc = sda /tmp/desc',
      '+ Included mount points : / /home',
      'session lab-24 is open on 10.0.1.42, I want 4 nodes',
      'got node node01 (10.0.1.101), 1 of 4 here',
      'got node node02 (10.0.1.102), 2 of 4 here',
      'got node node03 (10.0.1.103), 3 of 4 here',
      'got node node04 (10.0.1.104), 4 of 4 here',
      "Let's go!",
      ...['node01', 'node02', 'node03', 'node04'].flatMap((name) => [
        `${name}: partition sda done in 1.0 s`,
        `${name}: format sda1 done in 2.0 s: ext4`,
      ]),
      'chain: golden ▸ node01 ▸ node02 ▸ node03 ▸ node04',
      'pass 1 of 1: sending 1.91 GiB to 4 nodes',
      'sending files /',
      'Total data sent = 400 Megs (42 %), 112.000 Mbytes/second, ETA 00:01:40, limited by golden: reading',
      'ka: warning: node04 no heartbeat for 3 s, taken out at 812 MiB; it was last in the chain',
      'ka: warning: node04 is bypassed: no heartbeat for 3 s',
      'ka: warning: node04 is out; chain: golden ▸ node01 ▸ node02 ▸ node03',
      'chain whole again, nothing lost',
      'Total data sent = 616 Megs (64 %), 112.000 Mbytes/second, ETA 00:01:40, limited by node02: disk 109 MiB/s',
      'sent files /: 792 MiB on the line for 1.91 GiB',
      'node01 has everything',
      'node02 has everything',
      'node03 has everything',
      'pass 1 of 1 is over',
      'Total data sent = 792 Megs',
      'Transfer time = 69.904 seconds, throughput = 11.330 Mbytes/second',
      'The pipeline was emptied in 4.002 seconds',
      'ka: node04 is lost: did not come back within 30 s',
      'node01: settle skipped: nothing changed on the golden',
      'ka: node03: bootloader failed: grub-install /dev/sda exited 1: no space on sda1; enlarge it in the desc',
      'ka: node03 failed and is out of the session',
      'node01 is done',
      'node02 is done',
      'ka: warning: session lab-24 is over after 00:05:03, exit code 2',
      'Session lab-24: 2 of 4 nodes cloned in 00:05:03',
      ' ✓ node01  10.0.1.101       done       00:05:00  1.91 GiB',
      ' ✓ node02  10.0.1.102       done       00:05:02  1.91 GiB',
      ' ✗ node03  10.0.1.103       failed     00:04:46  1.91 GiB',
      '     why: grub-install /dev/sda exited 1: no space on sda1; enlarge it in the desc',
      '        | Installing for i386-pc platform.',
      '        | grub-install: error: no space left on device.',
      ' ✗ node04  10.0.1.104       lost       00:04:43  820 MiB',
      '     why: did not come back within 30 s',
      'Skipped on node01: settle (nothing changed on the golden)',
      'To do for node03: its disk may be half written; put right the cause and clone it in another session',
      'To do for node04: look at its screen, power and cable, then boot it into kamethod for another session',
    ]);
  });

  test('write a progress line at most each five seconds', () => {
    const ticks = Array.from({ length: 41 }, (_, half) => progress(30 + half / 2, half, {}, null));
    const lines = plainOf([...upToPass(), ...ticks]).filter((line) => line.startsWith('Total'));
    expect(lines).toHaveLength(5);
  });

  test('leave the lines of nodes’ own logs to the nodes, but pass their warnings on', () => {
    const said = (level: 'info' | 'warning') =>
      at(30, { kind: 'log', node: 2, level, message: `${level} of mkfs` });
    const lines = plainOf([...upToPass(), said('info'), said('warning')]);
    expect(lines.at(-1)).toBe('ka: warning: node02: warning of mkfs');
    expect(lines.join()).not.toContain('info of mkfs');
  });

  test('say why a session failed before it started', () => {
    const lines = plainOf([
      at(0, {
        kind: 'session',
        state: 'finished',
        name: 'lab',
        address: '',
        wanted: 2,
        exitCode: 1,
        failure: { code: 'ToolMissing', message: 'tar is not installed; install it' },
      }),
    ]);
    expect(lines).toEqual([
      'ka: session lab failed: tar is not installed; install it',
      'Session lab: 0 of 2 nodes cloned in 00:00:00',
      ' ✗ 2 nodes never came',
      'Failed: tar is not installed; install it',
    ]);
  });

  test('end when unsubscribed', () => {
    const { emit, subscribe } = source();
    const lines: string[] = [];
    const stop = startPlain(subscribe, (line) => lines.push(line));
    stop();
    for (const event of upToPass()) emit(event);
    expect(lines).toEqual([]);
  });
});

describe('JSON lines', () => {
  test('are the events themselves, each one a line that fits the schema', () => {
    const { emit, subscribe } = source();
    const lines: string[] = [];
    startJson(subscribe, (line) => lines.push(line));
    for (const event of wholeSession()) emit(event);
    expect(lines.every((line) => !line.includes('\n'))).toBe(true);
    expect(lines.map((line) => SessionEvent.parse(JSON.parse(line)))).toEqual(wholeSession());
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ kind: 'session', time: T0 });
  });
});
