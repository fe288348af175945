/** What of OpenSSL this program's own binary has, beside what node:crypto makes of it. */
import process from 'node:process';

const definitions = {
  EVP_CIPHER_CTX_new: { arguments: [], return: 'pointer' },
  EVP_CIPHER_CTX_free: { arguments: ['pointer'], return: 'void' },
  EVP_CIPHER_CTX_ctrl: { arguments: ['pointer', 'int32', 'int32', 'pointer'], return: 'int32' },
  EVP_aes_128_gcm: { arguments: [], return: 'pointer' },
  EVP_EncryptInit_ex: {
    arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer'],
    return: 'int32',
  },
  EVP_EncryptUpdate: {
    arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'int32'],
    return: 'int32',
  },
  EVP_EncryptFinal_ex: { arguments: ['pointer', 'pointer', 'pointer'], return: 'int32' },
  EVP_DecryptInit_ex: {
    arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer'],
    return: 'int32',
  },
  EVP_DecryptUpdate: {
    arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'int32'],
    return: 'int32',
  },
  EVP_DecryptFinal_ex: { arguments: ['pointer', 'pointer', 'pointer'], return: 'int32' },
} as const;

const load = () => {
  const ffi = process.getBuiltinModule('node:ffi');
  if (!ffi) return null;
  try {
    return ffi.dlopen(null, definitions).functions;
  } catch {
    // A Node that may not, or was built to use the system's own OpenSSL: node:crypto does the work.
    return null;
  }
};

/** Its functions, by the names and with the results of its manual pages; null where they are not to be had. */
export const openssl = load();

export type OpenSsl = NonNullable<typeof openssl>;
