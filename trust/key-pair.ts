/** Key pairs of goldens and nodes, in the certificates that TLS wants. */
// What the certificate library is built on looks for it when it is loaded.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';
import { pinOf } from './pin.ts';

export interface KeyPair {
  /** Private key, PKCS #8 in PEM. */
  key: string;
  /** Self-signed certificate, PEM. */
  cert: string;
  pin: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Nobody checks dates: clocks of bare machines are wrong. RFC 5280, 4.1.2.5 ends in 9999. */
const FROM = new Date('2000-01-01T00:00:00Z');
const UNTIL = new Date('9999-12-31T23:59:59Z');

export const pinOfKey = (key: string): string => pinOf(createPublicKey(createPrivateKey(key)));

/** Makes a new pair; takes some milliseconds. */
export const makeKeyPair = async (): Promise<KeyPair> => {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=ka',
    notBefore: FROM,
    notAfter: UNTIL,
    signingAlgorithm: ALGORITHM,
    keys,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, type: 'pkcs8', format: 'der' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
  return { key, cert: `${certificate.toString('pem')}\n`, pin: pinOfKey(key) };
};
