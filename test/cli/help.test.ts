import { describe, expect, test } from '@jest/globals';
import { kaCommand } from '../../demo/ka-process.ts';
import { run } from '../../system/run.ts';

const helpOf = async (...command: string[]): Promise<string> => {
  const [file, ...args] = kaCommand([...command, '--help']);
  return (await run(file, args)).stdout;
};

/** What the help of a command must tell of, each at the start of a line. */
const commands: [string[], string[]][] = [
  [[], ['golden', 'agent', 'start', 'requests', 'admit', 'status', 'desc', 'pxe', 'wake', 'power']],
  [
    ['golden'],
    [
      ...['-n, --nodes', '-p, --disk-desc', '-x, --exclude', '-X, --skip-devices'],
      ...['-D, --raw-partition', '-m, --boot-code', '-M, --boot-code-file', '-d, --release-delay'],
      ...['-r, --bootloader', '-s, --session', '--root', '--yes', '--plan', '--wait-timeout'],
      ...['--min-nodes', '--ui', '--report', '--pxe'],
    ],
  ],
  [
    ['agent'],
    ['-s, --session', '--golden', '--join', '--join-file', '--disk', '--into', '--no-reboot'],
  ],
  [['start'], ['session']],
  [['status'], ['node', '-f, --follow', '--timeout']],
  [['pxe'], ['serve', 'default', 'forget', 'list', 'config']],
  [
    ['pxe', 'serve'],
    ['--interface', '--address', '--range', '--mode', '--image'],
  ],
  [
    ['pxe', 'default'],
    ['label', 'node'],
  ],
  [['pxe', 'forget'], ['node']],
  [
    ['pxe', 'config'],
    ['--for', '--server'],
  ],
  [['wake'], ['node']],
  [['power'], ['action', 'node', '-p, --description']],
  [['desc'], ['from-disk', 'check', 'plan', 'convert']],
  [
    ['desc', 'from-disk'],
    ['[name=]disk', '--root', '--format', '--fill', '-o, --output'],
  ],
  [
    ['desc', 'check'],
    ['file', '--disk', '--size'],
  ],
  [
    ['desc', 'plan'],
    ['file', '--disk'],
  ],
  [
    ['desc', 'convert'],
    ['file', '--name', '-o, --output'],
  ],
];

describe('--help', () => {
  test('tells of every command and option, on a terminal of 80 columns', async () => {
    for (const [command, wanted] of commands) {
      const lines = (await helpOf(...command)).split('\n');
      const told = (what: string) => lines.some((line) => line.trimStart().startsWith(what));
      expect([command, wanted.filter((what) => !told(what))]).toEqual([command, []]);
      expect([command, lines.filter((line) => line.length > 80)]).toEqual([command, []]);
    }
  }, 60_000);
});
