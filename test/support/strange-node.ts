/**
 * Speaks the control link as no agent would. Run on a machine of a lab:
 * `node strange-node.ts silent|old|hung|dying|foreign JOIN-FILE`. Prints what the golden
 * says and ends with the link.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { GoldenLink } from '../../client-agent/golden-link.ts';
import { takeInventory } from '../../client-agent/inventory.ts';
import { PORTS, PROTOCOL_VERSION } from '../../protocol/constants.ts';
import { parseJoinString } from '../../trust/join-string.ts';
import { makeKeyPair } from '../../trust/key-pair.ts';

const [manner, file = ''] = process.argv.slice(2);

const inventory = await takeInventory({ disks: new Map(), address: undefined, withoutDisks: true });
const { host, port, pin, token } = parseJoinString(readFileSync(file, 'utf8'));
const keys = await makeKeyPair();
const link = await GoldenLink.connect({ host, port, pin, keys, localAddress: undefined });
link.listen((message) => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
  if (message.type === 'welcome') link.send({ type: 'warning', message: 'something to know' });
  if (manner === 'hung' && message.type === 'welcome') process.kill(process.pid, 'SIGSTOP');
  if (manner === 'dying' && message.type === 'plan') process.kill(process.pid, 'SIGKILL');
});
if (manner !== 'silent') {
  link.send({
    type: 'hello',
    protocol: manner === 'old' ? 99 : PROTOCOL_VERSION,
    version: '0',
    session: null,
    name: manner ?? null,
    target: 'directory',
    image: manner === 'foreign' ? 'f0'.repeat(8) : null,
    reboot: false,
    dataPort: PORTS.data,
    statusPort: PORTS.status,
    inventory,
    admission: { token, ticket: null, open: false, outdated: false, commitment: '0'.repeat(64) },
  });
}
process.stdout.write(`${await link.closed}\n`);
