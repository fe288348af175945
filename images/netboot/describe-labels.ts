/** The labels in words, for `ka pxe`. */
import { type Labels, labelForAll, type SessionBoot } from './labels.ts';
import type { Serving } from './serving.ts';

const when = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ').concat(' UTC');

const describeSession = ({ name, golden, process }: SessionBoot): string =>
  `session "${name}" (golden ${golden.host}:${golden.port}, process ${process.pid}) has network boot`;

export const describeLabels = (labels: Labels, serving: Serving | undefined): string[] => {
  const { session } = labels;
  const names = new Map(
    Object.entries(labels.names).flatMap(([name, macs]) => macs.map((mac) => [mac, name] as const)),
  );
  const nodes = Object.entries(labels.nodes).map(([mac, { label, why, since }]) => {
    const name = (names.get(mac) ?? '').padEnd(12);
    return `${mac}  ${name}  ${label.padEnd(8)}  ${why} ${when(since)}`;
  });
  return [
    `everybody boots ${labelForAll(labels)}`,
    ...(session ? [`${describeSession(session)}; after it: ${labels.default}`] : []),
    ...nodes,
    serving
      ? `served on ${serving.interface} (${serving.address}), mode ${serving.mode}, image "${serving.image}", process ${serving.process.pid}`
      : 'not served by this machine now; start with: ka pxe serve',
  ];
};
