/** The golden's key pair: made once, presented by the control link, pinned by nodes. */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../system/run.ts';
import { stateDirectory } from '../system/state-directory.ts';

export interface Certificate {
  key: string;
  cert: string;
  /** SHA-256 of the certificate, upper case hex with colons. */
  fingerprint: string;
}

const VALID_DAYS = '7300';

const makeCertificate = async (keyFile: string, certFile: string, signal: AbortSignal) => {
  await run(
    'openssl',
    // biome-ignore format: one option a line reads worse here
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
     '-subj', '/CN=ka golden', '-days', VALID_DAYS, '-keyout', `${keyFile}.new`, '-out', `${certFile}.new`],
    { signal },
  );
  renameSync(`${keyFile}.new`, keyFile);
  renameSync(`${certFile}.new`, certFile);
};

/**
 * Reads the golden's certificate from the state directory, making it with
 * openssl(1) the first time. Throws `ToolMissing` without openssl.
 */
export const goldenCertificate = async (signal: AbortSignal): Promise<Certificate> => {
  const directory = join(stateDirectory(), 'keys');
  const keyFile = join(directory, 'golden.key');
  const certFile = join(directory, 'golden.crt');
  if (!existsSync(keyFile) || !existsSync(certFile)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    await makeCertificate(keyFile, certFile, signal);
  }
  const cert = readFileSync(certFile, 'utf8');
  return {
    key: readFileSync(keyFile, 'utf8'),
    cert,
    fingerprint: new X509Certificate(cert).fingerprint256,
  };
};
