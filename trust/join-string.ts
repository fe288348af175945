/** One word that lets a node in and tells it whom to believe: `HOST:PORT/TOKEN/PIN`. */
import { isIPv6 } from 'node:net';
import { NamedError } from '../system/named-error.ts';
import { HostName, IpAddress, Port } from '../system/names.ts';
import { Pin } from './pin.ts';
import { Secret } from './secret.ts';

export interface JoinString {
  host: string;
  port: number;
  /** Of one session. */
  token: string;
  /** Of the golden. */
  pin: string;
}

export const formatJoinString = ({ host, port, token, pin }: JoinString): string =>
  `${isIPv6(host) ? `[${host}]` : host}:${port}/${token}/${pin}`;

/** Reads it as typed, in any case. Throws `BadJoin`, which never repeats the text: it has a secret in it. */
export const parseJoinString = (text: string): JoinString => {
  const [, bracketed, plain, digits, token, pin] =
    /^(?:\[([^\]]+)\]|([^:/[\]]+)):(\d{1,5})\/([^/]+)\/([^/]+)$/.exec(text.trim().toLowerCase()) ??
    [];
  const host = bracketed ?? plain ?? '';
  const port = Number(digits);
  const isGood =
    (bracketed === undefined ? HostName : IpAddress).safeParse(host).success &&
    Port.safeParse(port).success;
  if (isGood && Secret.safeParse(token).success && Pin.safeParse(pin).success) {
    return { host, port, token: token ?? '', pin: pin ?? '' };
  }
  throw new NamedError(
    'BadJoin',
    'not a join string; it looks like HOST:PORT/26 letters/26 letters, copy it from the board or from --join-file',
  );
};
