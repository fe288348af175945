/** Who is at the other end of a control connection, as TLS proved it. */
import type { TLSSocket } from 'node:tls';
import { plainAddress } from '../system/plain-address.ts';
import { pinOf, publicBytes } from '../trust/pin.ts';

export interface Peer {
  /** Its IP address, as seen from here. */
  address: string;
  /** What it is known by; null for one that showed no certificate: no agent of this version. */
  identity: { pin: string; publicKey: Buffer } | null;
}

export const peerOf = (socket: TLSSocket): Peer => {
  const key = socket.getPeerX509Certificate()?.publicKey;
  return {
    address: plainAddress(socket),
    identity: key === undefined ? null : { pin: pinOf(key), publicKey: publicBytes(key) },
  };
};
