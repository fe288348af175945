/**
 * Makes a real agent a member gone bad: loaded before it (`node --import`), it
 * listens for the golden's word, and sends down the chain something else than
 * what came. Its address in the chain is that of the forger.
 *
 *   FORGE="TEXT/OTHER TEXT" node --import forging-agent.ts ka.js agent …
 */
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import { WebSocket } from 'ws';
import { PORTS } from '../../../protocol/constants.ts';
import { GoldenMessage } from '../../../protocol/control.ts';
import { parseMessage } from '../../../protocol/parse-message.ts';
import { type PassSecrets, replacing, startForging } from './forger.ts';

const FORGED_PORT = 30_799;
const [text = '', other = ''] = (process.env.FORGE ?? '').split('/');
let secrets: PassSecrets | null = null;

const overhear = (said: string): void => {
  const message = parseMessage(GoldenMessage, said);
  if (message?.type !== 'pass') return;
  const { network, key, order } = message;
  secrets = { network, key: Buffer.from(key, 'base64'), pass: order.pass };
};

const spoil = (): void => {
  const { emit, send } = WebSocket.prototype;
  WebSocket.prototype.emit = function (event, ...args) {
    if (event === 'message') overhear(String(args[0]));
    return emit.call(this, event, ...args);
  };
  WebSocket.prototype.send = function (data, ...rest) {
    const port = `"dataPort":${PORTS.data}`;
    const forged = `"dataPort":${FORGED_PORT}`;
    const said = typeof data === 'string' ? data.replace(port, forged) : data;
    Reflect.apply(send, this, [said, ...rest]);
  };
};

if (isMainThread) {
  spoil();
  const address = process.argv[process.argv.indexOf('--address') + 1] ?? '';
  const onReplaced = () => process.stdout.write('forged\n');
  await startForging(
    { host: address, port: FORGED_PORT },
    () => ({ host: address, port: PORTS.data }),
    () => {
      if (secrets === null) throw new Error('somebody dials before there is a pass');
      return { secrets, change: replacing(text, other, onReplaced) };
    },
  );
}
