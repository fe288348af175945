import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { makeTempDir } from '../support/temp-dir.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const allowed: [string, string[]][] = [
  ['system', []],
  ['trust', ['system']],
  ['protocol', ['system', 'trust']],
  ['desc', ['system']],
  ['boot', ['system', 'desc']],
  ['relay', ['system', 'protocol']],
  ['images', ['system', 'trust', 'protocol', 'desc']],
  ['streams', ['system', 'desc', 'relay']],
  ['stage2', ['system', 'protocol', 'desc', 'boot', 'relay', 'streams']],
  ['board', ['system', 'protocol']],
  ['golden', ['system', 'trust', 'protocol', 'desc', 'boot', 'relay', 'streams']],
  ['client-agent', ['system', 'trust', 'protocol', 'desc', 'boot', 'relay', 'streams', 'stage2']],
  [
    'cli',
    [
      'system',
      'trust',
      'protocol',
      'desc',
      'boot',
      'relay',
      'images',
      'streams',
      'stage2',
      'board',
      'golden',
      'client-agent',
    ],
  ],
];
const rooms = [...allowed.map(([room]) => room), 'demo', 'bench', 'test'];

test('an import against the direction between rooms fails the check, one along it does not', async () => {
  await using dir = await makeTempDir();
  const config = JSON.parse(await readFile(join(root, 'biome.json'), 'utf8'));
  const alone = { ...config, vcs: { enabled: false } };
  await writeFile(join(dir.path, 'biome.json'), JSON.stringify(alone));
  const refused: string[] = [];
  for (const [folder, may] of allowed) {
    await mkdir(join(dir.path, folder));
    for (const room of rooms.filter((name) => name !== folder)) {
      const file = `${folder}/to-${room}.ts`;
      if (!may.includes(room)) refused.push(file);
      const text = `import { x } from '../${room}/x.ts';\n\nexport const y = x;\n`;
      await writeFile(join(dir.path, file), text);
    }
  }
  const { all, exitCode } = await execa(
    join(root, 'node_modules/.bin/biome'),
    ['lint', '--max-diagnostics=none', '--colors=off', '.'],
    { cwd: dir.path, all: true, reject: false },
  );
  const named = [...all.matchAll(/^(\S+\.ts):\S+ lint\/style\/noRestrictedImports/gm)];
  expect(named.map(([, file]) => file).sort()).toEqual(refused.sort());
  expect(exitCode).toBe(1);
});
