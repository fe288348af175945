/**
 * A firmware as far as DHCP goes: asks everybody like a PXE ROM does, and prints
 * all answers of the next moments as JSON.
 *
 *   node firmware.ts MAC ARCHITECTURE CLASS SERVERS
 *
 * ARCHITECTURE is option 93; CLASS is "none" or the user class, option 77. A
 * server that gives no file in its offer is asked again on its PXE port. SERVERS
 * is how many are expected to answer.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const LISTEN_MS = 6000;
/** For answers nobody expects. */
const LINGER_MS = 200;
const COOKIE_AT = 236;
const COOKIE = [99, 130, 83, 99];
const DISCOVER = 1;
const REQUEST = 3;
const PXE_PORT = 4011;

const [mac = '', architecture = '0', userClass = 'none', servers = '1'] = process.argv.slice(2);
const transaction = randomBytes(4);

const option = (code: number, value: readonly number[] | string): Buffer => {
  const bytes = typeof value === 'string' ? [...Buffer.from(value)] : value;
  return Buffer.from([code, bytes.length, ...bytes]);
};

const packet = (kind: number): Buffer => {
  const head = Buffer.alloc(COOKIE_AT);
  head.set([1, 1, 6], 0);
  head.set(transaction, 4);
  head.writeUInt16BE(0x8000, 10);
  head.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28);
  const number = architecture.padStart(5, '0');
  const vendor = architecture === '16' ? 'HTTPClient' : 'PXEClient';
  return Buffer.concat([
    head,
    Buffer.from(COOKIE),
    option(53, [kind]),
    option(55, [1, 3, 43, 54, 60, 66, 67]),
    option(60, `${vendor}:Arch:${number}:UNDI:003001`),
    option(93, [0, Number(architecture)]),
    option(94, [1, 3, 1]),
    option(97, Array<number>(17).fill(0)),
    ...(userClass === 'none' ? [] : [option(77, userClass)]),
    Buffer.from([255]),
  ]);
};

const optionsOf = (message: Buffer): Map<number, Buffer> => {
  const options = new Map<number, Buffer>();
  for (let at = COOKIE_AT + 4; at < message.length && message[at] !== 255; ) {
    const length = message[at] === 0 ? -1 : (message[at + 1] ?? 0);
    options.set(message[at] ?? 0, message.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
};

const textAt = (message: Buffer, at: number, length: number): string =>
  message.toString('latin1', at, at + length).replace(/\0.*/s, '');

const read = (message: Buffer) => {
  const options = optionsOf(message);
  return {
    server: options.get(54)?.join('.') ?? '',
    offered: message.subarray(16, 20).join('.'),
    nextServer: message.subarray(20, 24).join('.'),
    file: options.get(67)?.toString('latin1').replace(/\0.*/s, '') ?? textAt(message, 108, 128),
    vendor: options.get(60)?.toString('latin1') ?? '',
    pathPrefix: options.get(210)?.toString('latin1') ?? '',
  };
};

const answers: ReturnType<typeof read>[] = [];
const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.on('message', (message) => {
  if (!message.subarray(4, 8).equals(transaction)) return;
  answers.push(read(message));
});
await new Promise<void>((resolve) => {
  socket.bind(68, () => resolve());
});
socket.setBroadcast(true);

const untilAnswers = async (count: number): Promise<void> => {
  const until = Date.now() + LISTEN_MS;
  while (answers.length < count && Date.now() < until) await sleep(20);
  await sleep(LINGER_MS);
};

socket.send(packet(DISCOVER), 67, '255.255.255.255');
await untilAnswers(Number(servers));
const silent = answers.find(({ file, vendor }) => file === '' && vendor === 'PXEClient');
if (silent) {
  socket.send(packet(REQUEST), PXE_PORT, silent.server);
  await untilAnswers(answers.length + 1);
}
socket.close();
process.stdout.write(JSON.stringify(answers));
