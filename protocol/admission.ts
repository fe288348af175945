/**
 * What is said on a control link before a node is let in (docs/trust.md). Until
 * then nothing else of it is read.
 */
import { z } from 'zod';
import { HostName, Port, SessionName } from '../system/names.ts';
import { Commitment, Nonce } from '../trust/code.ts';
import { Secret } from '../trust/secret.ts';
import { Inventory } from './inventory.ts';
import { Name } from './text.ts';

/** First message of a node; with all that is needed to decide about it. */
export const Hello = z.object({
  type: z.literal('hello'),
  protocol: z.int(),
  version: Name,
  session: SessionName.nullable(),
  /** Host name asked for by hand (`ka agent --name`). */
  name: HostName.nullable(),
  /** Where it clones to: its disks, or just a directory (no partitions, no boot). */
  target: z.enum(['disks', 'directory']),
  /** Boot image whose stage2 it needs before it can do anything; null = it has its tools. */
  image: z
    .string()
    .regex(/^[0-9a-f]{1,64}$/)
    .nullable(),
  /** Whether it will restart from its own disk when cloned. */
  reboot: z.boolean(),
  dataPort: Port,
  statusPort: Port,
  inventory: Inventory,
  admission: z.object({
    /** Of a join string. */
    token: Secret.nullable(),
    ticket: Secret.nullable(),
    /** It was started to join any session that takes anybody. */
    open: z.boolean(),
    /** Its kernel line was made by an older ka. */
    outdated: z.boolean(),
    /** Binds it to the nonce of its code, should it need one. */
    commitment: Commitment,
  }),
});
export type Hello = z.infer<typeof Hello>;

/** The part of a hello that every version had, to say why it is not let in. */
export const AnyHello = z.object({ type: z.literal('hello'), protocol: z.int() });
export type AnyHello = z.infer<typeof AnyHello>;

/** Node → golden while it is compared by code. */
export const KnockMessage = z.discriminatedUnion('type', [
  Hello,
  /** A new commitment, when its code was to be made anew. */
  z.object({ type: z.literal('commit'), commitment: Commitment }),
  /** Opens the commitment. */
  z.object({ type: z.literal('open'), nonce: Nonce }),
  /** It has the golden's pin, or somebody at its console said yes. */
  z.object({ type: z.literal('agree') }),
]);
export type KnockMessage = z.infer<typeof KnockMessage>;

/** Largest first message, and all that may come before a node is let in, in bytes. */
export const MAX_KNOCK_BYTES = 64 * 1024;

/** How long a connection may take to say who it is, in milliseconds. */
export const HELLO_MS = 5000;
