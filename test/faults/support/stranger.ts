/**
 * Asks a data port for the stream of a session it does not belong to, and
 * prints how many bytes it got for that. Run as a process inside a node's network:
 *
 *   node stranger.ts HOST PORT PASS NODE
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { argv, stdout } from 'node:process';
import {
  CHALLENGE_BYTES,
  decodeHello,
  encodeGet,
  HELLO_BYTES,
  LINK_KEY_BYTES,
} from '../../../protocol/link.ts';

const [, , host, port, pass, node] = argv;
const socket = connect({ host, port: Number(port) });
let said = Buffer.alloc(0);
let asked = false;
socket.on('data', (bytes) => {
  said = Buffer.concat([said, Buffer.from(bytes)]);
  if (!asked && said.length >= HELLO_BYTES) {
    asked = true;
    const challenge = decodeHello(said.subarray(0, HELLO_BYTES));
    const get = { pass: Number(pass), epoch: 1, node: Number(node), position: 0 };
    const key = randomBytes(LINK_KEY_BYTES);
    socket.write(encodeGet(key, challenge, randomBytes(CHALLENGE_BYTES), get));
  }
});
socket.on('close', () => stdout.write(`${asked ? said.length - HELLO_BYTES : 'no hello'}\n`));
