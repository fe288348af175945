/**
 * A cable that damages: takes connections on one address and passes them on to
 * another. On the way back it flips a bit, swallows bytes and sends bytes
 * twice, once each. Run as a process inside a node's network:
 *
 *   node damaging-proxy.ts LISTEN-HOST TO-HOST PORT
 */
import { connect, createServer } from 'node:net';
import { argv, stdout } from 'node:process';
import { pipeline } from 'node:stream/promises';

const MIB = 1024 * 1024;
const SWALLOWED_BYTES = 1000;

const [, , listenHost, host, portText] = argv;
const port = Number(portText);

const flipBit = (bytes: Buffer): Buffer => {
  const damaged = Buffer.from(bytes);
  const at = damaged.length >> 1;
  damaged[at] = (damaged[at] ?? 0) ^ 0x10;
  return damaged;
};

/** Each is done to the first piece behind so many bytes, all connections counted. */
const damages = [
  { behind: 6 * MIB, name: 'flipped', damage: flipBit },
  {
    behind: 18 * MIB,
    name: 'swallowed',
    damage: (bytes: Buffer) => bytes.subarray(SWALLOWED_BYTES),
  },
  { behind: 30 * MIB, name: 'doubled', damage: (bytes: Buffer) => Buffer.concat([bytes, bytes]) },
];
let passed = 0;

const pass = async function* (pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const bytes of pieces) {
    passed += bytes.length;
    const [next] = damages;
    if (next && passed > next.behind && bytes.length > SWALLOWED_BYTES) {
      damages.shift();
      stdout.write(`${next.name}\n`);
      yield next.damage(bytes);
    } else {
      yield bytes;
    }
  }
};

createServer((downstream) => {
  const upstream = connect({ host, port });
  const ways = [pipeline(downstream, upstream), pipeline(upstream, pass, downstream)];
  Promise.all(ways).catch((error: Error) => stdout.write(`link ended: ${error.message}\n`));
}).listen(port, listenHost, () => stdout.write('ready\n'));
