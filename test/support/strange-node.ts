/**
 * Speaks the control link as no agent would. Run on a machine of a lab:
 * `node strange-node.ts silent|old|hung|dying|foreign HOST PORT`. Prints what the golden
 * says and ends with the link.
 */
import process from 'node:process';
import { GoldenLink } from '../../client-agent/golden-link.ts';
import { takeInventory } from '../../client-agent/inventory.ts';
import { PORTS, PROTOCOL_VERSION } from '../../protocol/constants.ts';

const [manner, host = '', port] = process.argv.slice(2);

const inventory = await takeInventory({ disks: new Map(), address: undefined, withoutDisks: true });
const golden = { host, port: Number(port), fingerprint: undefined, localAddress: undefined };
const link = await GoldenLink.connect(golden);
link.listen((message) => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
  if (manner === 'hung' && message.type === 'welcome') process.kill(process.pid, 'SIGSTOP');
  if (manner === 'dying' && message.type === 'plan') process.kill(process.pid, 'SIGKILL');
});
if (manner !== 'silent') {
  link.send({
    type: 'hello',
    protocol: manner === 'old' ? 99 : PROTOCOL_VERSION,
    version: '0',
    session: null,
    key: inventory.macs[0] ?? '',
    name: manner ?? null,
    target: 'directory',
    image: manner === 'foreign' ? 'of-another-golden' : null,
    reboot: false,
    dataPort: PORTS.data,
    statusPort: PORTS.status,
    inventory,
  });
  link.send({ type: 'warning', message: 'something to know' });
}
process.stdout.write(`${await link.closed}\n`);
