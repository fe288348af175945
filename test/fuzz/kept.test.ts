/** What fuzzing has found, as the smallest case of each; `hostile-files` of descriptions has another. */
import { expect, test } from '@jest/globals';
import { reportBuilder } from '../../golden/report.ts';
import { Hello } from '../../protocol/admission.ts';
import { GoldenMessage } from '../../protocol/control.ts';
import { Report } from '../../protocol/report.ts';
import { Name } from '../../protocol/text.ts';
import * as samples from './samples.ts';

const ERASE = '\u001b[2J';

test("an agent's version is a version", () => {
  expect(Hello.safeParse(samples.hello).success).toBe(true);
  expect(Hello.safeParse({ ...samples.hello, version: `0${ERASE}` }).success).toBe(false);
});

test.each([
  ['vouch', { name: `/${ERASE}` }],
  ['vouch', { kind: ERASE }],
  ['vouch', { bytes: -1 }],
  ['vouch', { stream: 65_536 }],
  ['welcome', { session: ERASE }],
  ['welcome', { name: '../x' }],
  ['welcome', { node: -1 }],
])('a golden that says %s with %j is not understood', (type, changes) => {
  const right = samples.goldenMessages.find((message) => message.type === type);
  expect(GoldenMessage.safeParse(right).success).toBe(true);
  expect(GoldenMessage.safeParse({ ...right, ...changes }).success).toBe(false);
});

test('text that is cut in the middle of a character is printable', () => {
  expect(Name.parse(`a${'𝔊'.repeat(200)}`)).toBe(`a${'𝔊'.repeat(127)}…`);
  expect(Name.parse('𝔊'.repeat(200))).toBe(`${'𝔊'.repeat(127)}…`);
});

test('a clock that is set back during a session leaves a report that can be read', () => {
  const { listen, build } = reportBuilder('0.1.0', () => '/var/log/node.log');
  for (const event of samples.events.toReversed()) listen(event);
  expect(() => Report.parse(build())).not.toThrow();
});
