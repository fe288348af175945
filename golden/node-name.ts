/** What a node will be called. */
import type { Description } from '../desc/model.ts';
import type { Hello } from '../protocol/admission.ts';
import { isHostName } from '../system/names.ts';

/** Host names that say nothing about a machine. */
const meaningless = new Set([
  '',
  '(none)',
  'localhost',
  'localhost.localdomain',
  'debian',
  'kamethod',
]);

const numbered = (number: number, taken: ReadonlySet<string>): string => {
  const name = `node${String(number).padStart(2, '0')}`;
  return taken.has(name) ? numbered(number + 1, taken) : name;
};

/**
 * In this order: the node list (by MAC, by address, then entries that name
 * neither, in order of joining), `ka agent --name`, the name DHCP gave, nodeNN.
 * Never a name that is taken, the golden's own, or one no machine can have.
 */
export const nodeName = (
  nodes: Description['nodes'],
  goldenName: string,
  hello: Hello,
  address: string,
  number: number,
  taken: ReadonlySet<string>,
): string => {
  const macs = hello.inventory.macs.map((mac) => mac.toLowerCase());
  const listed =
    nodes.find(({ mac }) => mac !== undefined && macs.includes(mac.toLowerCase())) ??
    nodes.find((node) => node.address === address) ??
    nodes.find((node) => !node.mac && !node.address && !taken.has(node.name));
  const own = hello.inventory.hostname;
  const free = (name: string) =>
    isHostName(name) && !taken.has(name) && name !== goldenName && !meaningless.has(name);
  return (
    [listed?.name, hello.name, own].find((name) => typeof name === 'string' && free(name)) ??
    numbered(number, new Set([...taken, goldenName]))
  );
};
