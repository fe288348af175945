/** Names of nodes go into files, scripts and paths: they are host names, or nothing. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { NodeLogs } from '../../golden/node-logs.ts';
import { nodeName } from '../../golden/node-name.ts';
import type { Hello } from '../../protocol/admission.ts';
import { isHostName } from '../../system/names.ts';

const HOSTILE = [
  '../../etc/logrotate.d/evil',
  '..',
  '.',
  'a/b',
  'a b',
  "x';touch PWNED;'",
  '$(reboot)',
  'a\nb',
  'a\u0000b',
  '-x',
  'x-',
  'a..b',
  '.a',
  'ä',
  '\u202eedon',
  'x'.repeat(64),
  `${'x'.repeat(63)}.`.repeat(4),
  '',
];

test.each(HOSTILE)('%j is no name for a node, whether asked for or its own', (name) => {
  expect(isHostName(name)).toBe(false);
  const hello = { name, inventory: { macs: [], hostname: name } } as unknown as Hello;
  expect(nodeName([], 'golden', hello, '10.0.0.7', 3, new Set())).toBe('node03');
});

test('logs are files by number, all in one directory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ka-test-'));
  const logs = new NodeLogs(directory, () => undefined);
  logs.append(0, ['golden']);
  logs.append(1, ['node']);
  logs.close();
  expect(readdirSync(directory).sort()).toEqual(['golden.log', 'node-1.log']);
  rmSync(directory, { recursive: true });
});
