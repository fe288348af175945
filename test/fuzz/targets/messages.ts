/** What is said on the network, as text, before anybody acts on it. */
import fc from 'fast-check';
import type { z } from 'zod';
import { checkPlan } from '../../../client-agent/check-plan.ts';
import { isAtOrIn, isCleanPath } from '../../../desc/clean-path.ts';
import { ClonePlan } from '../../../desc/clone-plan.ts';
import { AnyHello, Hello, KnockMessage } from '../../../protocol/admission.ts';
import { GoldenMessage, NodeMessage } from '../../../protocol/control.ts';
import { SessionEvent } from '../../../protocol/events.ts';
import { parseHomeLine } from '../../../protocol/home.ts';
import { printableJson } from '../../../protocol/json-line.ts';
import { AnyOffer, Offer, Query } from '../../../protocol/offer.ts';
import { parseMessage } from '../../../protocol/parse-message.ts';
import { Report } from '../../../protocol/report.ts';
import { json, jsonLike, like, objectLike } from '../hostile.ts';
import * as samples from '../samples.ts';
import { mustBe, mustBeShown, orRefused, parser, same, type Target } from '../target.ts';

/** Longest text any message may hold. */
const MOST_LETTERS = 16_384;

/** Of these nothing is taken from the message itself: their shapes belong elsewhere, and are checked there. */
const CHECKED_LATER = new Set(['plan', 'disks']);

const mustBeHarmless = (value: unknown, key = ''): void => {
  if (typeof value === 'number') mustBe(Number.isFinite(value), `${key} is ${value}`);
  if (typeof value === 'string') {
    mustBe(value.length <= MOST_LETTERS, `${key} has ${value.length} letters`);
    for (const line of key === 'output' ? value.split('\n') : [value]) mustBeShown(line);
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (!CHECKED_LATER.has(name)) mustBeHarmless(inner, Array.isArray(value) ? key : name);
  }
};

/** Whatever is let in is harmless, and let in again as it is. */
const message = <T>(
  name: string,
  schema: z.ZodType<T>,
  right: readonly unknown[],
  weight: number,
): Target =>
  parser(
    name,
    jsonLike(...right),
    (text) => {
      const value = parseMessage(schema, text);
      if (value === undefined) return;
      mustBeHarmless(value);
      same(schema.parse(value), value, 'let in again it is another');
    },
    weight,
  );

const offered = { devices: ['/dev/sda', '/dev/sdb'], directory: false };

const mustStayInside = (plan: ClonePlan): void => {
  const names = new Set(plan.disks.map(({ name }) => name));
  const places = new Map<string, string | undefined>();
  for (const { name, device, partitions } of plan.disks) {
    mustBe(offered.devices.includes(device), `writes to ${device}`);
    for (const { number, mount } of partitions) places.set(`${name} ${number}`, mount);
  }
  mustBe(names.size === plan.disks.length, 'one name for two disks');
  for (const { disk, partition, mount, kind } of plan.streams) {
    mustBe(places.has(`${disk} ${partition}`), 'a stream to no partition');
    if (kind === 'raw') continue;
    const place = places.get(`${disk} ${partition}`);
    mustBe(mount !== undefined && isCleanPath(mount), `mounts ${mount}`);
    mustBe(isAtOrIn(mount ?? '', place ?? '?'), `${mount} is not in ${place}`);
  }
  for (const disk of Object.keys(plan.bootCode)) mustBe(names.has(disk), `boot code of ${disk}`);
};

export const messageTargets = [
  message('offers', Offer, [samples.offer], 2),
  message('offers of any version', AnyOffer, [samples.offer], 1),
  message('queries', Query, [{ ka: 'query' }], 1),
  message('first messages', Hello, [samples.hello], 2),
  message('first messages of any version', AnyHello, [samples.hello], 1),
  message(
    'messages before admission',
    KnockMessage,
    [
      samples.hello,
      { type: 'commit', commitment: '0'.repeat(64) },
      { type: 'open', nonce: '0'.repeat(32) },
      { type: 'agree' },
    ],
    2,
  ),
  message('messages of nodes', NodeMessage, samples.nodeMessages, 3),
  message('messages of goldens', GoldenMessage, samples.goldenMessages, 3),
  message('events', SessionEvent, samples.events, 3),
  message('reports', Report, [samples.report], 1),
  parser(
    'plans a golden asks for',
    fc.tuple(objectLike(samples.plan), fc.boolean()),
    ([value, directory]) => {
      const plan = ClonePlan.safeParse(value).data;
      if (!plan) return;
      const accepted = orRefused(['PlanRefused'], () => {
        checkPlan(plan, { ...offered, directory });
        return true;
      });
      if (!accepted) return;
      if (directory) mustBe(plan.disks.length === 0, 'disks of a node that has none');
      else mustStayInside(plan);
    },
    3,
  ),
  parser(
    'lines of clones that call home',
    like(`ka-home ${'0'.repeat(32)} node1 ${'a'.repeat(36)}\r`),
    (line) => {
      const call = parseHomeLine(line);
      if (!call) return;
      mustBeShown(call.text);
      mustBe(/^[0-9a-f]{32}$/.test(call.token), 'no token');
    },
    2,
  ),
  parser(
    'lines of JSON',
    json,
    (value) => {
      const line = printableJson(value);
      mustBeShown(line);
      same(JSON.stringify(JSON.parse(line)), JSON.stringify(value), 'read again it is another');
    },
    2,
  ),
];
