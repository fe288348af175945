/**
 * AES-128-GCM (NIST SP 800-38D) on memory that is there already. OpenSSL does
 * it in place, or into memory it is given, and so three to five times as fast as
 * node:crypto, which makes a new buffer for each result.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type DecipherGCM } from 'node:crypto';
import { AddressBook, type Libc, libc } from './libc.ts';
import { NamedError } from './named-error.ts';
import { type OpenSsl, openssl } from './openssl.ts';

const GCM_KEY_BYTES = 16;
const GCM_TAG_BYTES = 16;

/** What a message is beside its bytes. */
export interface Sealing {
  /** 12 bytes, another for each message under one key. */
  nonce: Buffer;
  /** What is authenticated and not encrypted, at most 64 bytes. */
  header: Buffer;
}

export interface AesGcm {
  /** Encrypts a message where it lies, in pieces, and returns its tag. */
  seal(sealing: Sealing, pieces: readonly Buffer[]): Buffer;
  /**
   * Whether a message has this tag. What it is in clear gets to the start of
   * `target`, unless that is null; it must not be looked at when the tag is wrong.
   */
  verifies(
    sealing: Sealing,
    pieces: readonly Buffer[],
    tag: Buffer,
    target: Buffer | null,
  ): boolean;
  /** Decrypts a message that was verified to the start of `target`. */
  decrypt(nonce: Buffer, pieces: readonly Buffer[], target: Buffer): void;
  /** Forgets the key; nothing else may be called after it. */
  close(): void;
}

const HEADER_MAX = 64;

/** What is decrypted only to be checked goes here: small enough to stay in the processor's cache. */
const SCRATCH_BYTES = 256 * 1024;

/** evp.h of OpenSSL. */
const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;

/** Arguments and results of the calls, at fixed places. */
const NONCE_AT = 0;
const HEADER_AT = NONCE_AT + 16;
const TAG_AT = HEADER_AT + HEADER_MAX;
const LENGTH_AT = TAG_AT + GCM_TAG_BYTES;
const ARGUMENT_BYTES = LENGTH_AT + 16;

const require1 = (result: number): void => {
  if (result !== 1) throw new NamedError('CipherFault', 'OpenSSL refused AES-128-GCM');
};

class OpenSslGcm implements AesGcm {
  readonly #ssl: OpenSsl;
  readonly #encrypt: bigint;
  readonly #decrypt: bigint;
  readonly #arguments: Buffer;
  readonly #nonce: bigint;
  readonly #header: bigint;
  readonly #tag: bigint;
  readonly #length: bigint;
  readonly #scratch: ReturnType<Libc['fixedMemory']>;
  readonly #sources: AddressBook;
  readonly #targets: AddressBook;
  #closed = false;

  constructor(ssl: OpenSsl, calls: Libc, key: Buffer) {
    this.#ssl = ssl;
    const { memory, address } = calls.fixedMemory(ARGUMENT_BYTES);
    this.#arguments = Buffer.from(memory);
    this.#nonce = address + BigInt(NONCE_AT);
    this.#header = address + BigInt(HEADER_AT);
    this.#tag = address + BigInt(TAG_AT);
    this.#length = address + BigInt(LENGTH_AT);
    this.#scratch = calls.fixedMemory(SCRATCH_BYTES);
    this.#sources = new AddressBook(calls);
    this.#targets = new AddressBook(calls);
    this.#encrypt = ssl.EVP_CIPHER_CTX_new();
    this.#decrypt = ssl.EVP_CIPHER_CTX_new();
    const cipher = ssl.EVP_aes_128_gcm();
    require1(ssl.EVP_EncryptInit_ex(this.#encrypt, cipher, null, key, null));
    require1(ssl.EVP_DecryptInit_ex(this.#decrypt, cipher, null, key, null));
  }

  seal({ nonce, header }: Sealing, pieces: readonly Buffer[]): Buffer {
    const ssl = this.#ready();
    const context = this.#encrypt;
    this.#give(nonce, header);
    require1(ssl.EVP_EncryptInit_ex(context, null, null, null, this.#nonce));
    require1(ssl.EVP_EncryptUpdate(context, null, this.#length, this.#header, header.length));
    for (const piece of pieces) {
      const at = this.#sources.of(piece);
      require1(ssl.EVP_EncryptUpdate(context, at, this.#length, at, piece.length));
    }
    require1(ssl.EVP_EncryptFinal_ex(context, this.#scratch.address, this.#length));
    require1(ssl.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, this.#tag));
    return Buffer.from(this.#arguments.subarray(TAG_AT, TAG_AT + GCM_TAG_BYTES));
  }

  verifies(
    { nonce, header }: Sealing,
    pieces: readonly Buffer[],
    tag: Buffer,
    target: Buffer | null,
  ): boolean {
    const ssl = this.#ready();
    const context = this.#decrypt;
    this.#give(nonce, header);
    tag.copy(this.#arguments, TAG_AT);
    require1(ssl.EVP_DecryptInit_ex(context, null, null, null, this.#nonce));
    require1(ssl.EVP_DecryptUpdate(context, null, this.#length, this.#header, header.length));
    if (target === null) for (const piece of pieces) this.#check(ssl, piece);
    else this.#open(ssl, pieces, target);
    require1(ssl.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, this.#tag));
    return ssl.EVP_DecryptFinal_ex(context, this.#scratch.address, this.#length) === 1;
  }

  decrypt(nonce: Buffer, pieces: readonly Buffer[], target: Buffer): void {
    const ssl = this.#ready();
    nonce.copy(this.#arguments, NONCE_AT);
    require1(ssl.EVP_DecryptInit_ex(this.#decrypt, null, null, null, this.#nonce));
    this.#open(ssl, pieces, target);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ssl.EVP_CIPHER_CTX_free(this.#encrypt);
    this.#ssl.EVP_CIPHER_CTX_free(this.#decrypt);
    new Uint8Array(this.#scratch.memory).fill(0);
  }

  /** The next bytes of a message to `target`. */
  #open(ssl: OpenSsl, pieces: readonly Buffer[], target: Buffer): void {
    requireRoom(pieces, target);
    let to = this.#targets.of(target);
    for (const piece of pieces) {
      const from = this.#sources.of(piece);
      require1(ssl.EVP_DecryptUpdate(this.#decrypt, to, this.#length, from, piece.length));
      to += BigInt(piece.length);
    }
  }

  /** The next bytes of a message, of which only the tag is wanted. */
  #check(ssl: OpenSsl, piece: Buffer): void {
    const start = this.#sources.of(piece);
    const to = this.#scratch.address;
    for (let done = 0; done < piece.length; done += SCRATCH_BYTES) {
      const bytes = Math.min(SCRATCH_BYTES, piece.length - done);
      const from = start + BigInt(done);
      require1(ssl.EVP_DecryptUpdate(this.#decrypt, to, this.#length, from, bytes));
    }
  }

  /** What was freed must never get to OpenSSL again. */
  #ready(): OpenSsl {
    if (this.#closed) throw new NamedError('CipherFault', 'a cipher was used after it was closed');
    return this.#ssl;
  }

  #give(nonce: Buffer, header: Buffer): void {
    if (header.length > HEADER_MAX) throw new RangeError('header too long for its place');
    nonce.copy(this.#arguments, NONCE_AT);
    header.copy(this.#arguments, HEADER_AT);
  }
}

const requireRoom = (pieces: readonly Buffer[], target: Buffer): void => {
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  if (target.length < bytes) throw new RangeError('no room for what is decrypted');
};

/** By node:crypto, wherever OpenSSL itself cannot be called. */
export const nodeAesGcm = (keyBytes: Buffer): AesGcm => {
  const key = createSecretKey(keyBytes);
  const decryptWith = (
    decipher: DecipherGCM,
    pieces: readonly Buffer[],
    target: Buffer | null,
  ): void => {
    if (target !== null) requireRoom(pieces, target);
    let done = 0;
    for (const piece of pieces) {
      const clear = decipher.update(piece);
      if (target !== null) done += clear.copy(target, done);
    }
  };
  return {
    seal: ({ nonce, header }, pieces) => {
      const cipher = createCipheriv('aes-128-gcm', key, nonce);
      cipher.setAAD(header);
      for (const piece of pieces) cipher.update(piece).copy(piece);
      cipher.final();
      return cipher.getAuthTag();
    },
    verifies: ({ nonce, header }, pieces, tag, target) => {
      const decipher = createDecipheriv('aes-128-gcm', key, nonce);
      decipher.setAAD(header);
      decipher.setAuthTag(tag);
      decryptWith(decipher, pieces, target);
      try {
        decipher.final();
        return true;
      } catch {
        // The one thing it throws for: another tag.
        return false;
      }
    },
    decrypt: (nonce, pieces, target) =>
      decryptWith(createDecipheriv('aes-128-gcm', key, nonce), pieces, target),
    close: () => undefined,
  };
};

/** By OpenSSL itself; null where it cannot be called. */
export const opensslAesGcm = (key: Buffer): AesGcm | null =>
  openssl === null || libc === null ? null : new OpenSslGcm(openssl, libc, key);

/** `key`: 16 bytes. */
export const aesGcm = (key: Buffer): AesGcm => {
  if (key.length !== GCM_KEY_BYTES) throw new RangeError(`a key of ${key.length} bytes`);
  return opensslAesGcm(key) ?? nodeAesGcm(key);
};
