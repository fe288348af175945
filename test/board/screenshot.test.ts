import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { ansiToSvg } from './ansi-to-svg.ts';
import { inTransfer, T0 } from './session-events.ts';

// Colours are decided when Ink is loaded.
process.env.FORCE_COLOR = '1';
const { drawFrame } = await import('./frame.tsx');

const PICTURE = new URL('../../docs/board.svg', import.meta.url);

// The board shows local time: start at 14:00 wherever this runs.
const shift = new Date(2026, 2, 14, 14, 0, 0).getTime() - T0;

test('the picture in the documents is the board as it is drawn today', async () => {
  const events = inTransfer().map((event) => ({ ...event, time: event.time + shift }));
  const svg = ansiToSvg(await drawFrame(events, 100, 24, T0 + shift + 212_000), 100);
  // UPDATE_SCREENSHOT=1 draws it anew.
  if (process.env.UPDATE_SCREENSHOT === '1') await writeFile(PICTURE, svg);
  expect(await readFile(PICTURE, 'utf8')).toBe(svg);
});
