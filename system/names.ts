/** Names and addresses as they may enter from anywhere: a peer, a file, a command line. */
import { isIP } from 'node:net';
import { z } from 'zod';

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';

/** RFC 1123, 2.1: labels of 1 to 63 letters, digits and inner dashes; 253 characters in all. */
const HOST_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const MAX_HOST_NAME = 253;

export const isHostName = (text: string): boolean =>
  text.length <= MAX_HOST_NAME && HOST_NAME.test(text);

const hostNameError = {
  error: 'not a host name (RFC 1123); use letters, digits, dashes, and dots between its parts',
};

/** Name of a machine by RFC 1123. */
export const HostName = z
  .string()
  .max(MAX_HOST_NAME, hostNameError)
  .regex(HOST_NAME, hostNameError);

/** Name of a session; also a part of file names. */
export const SessionName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'use up to 64 letters, digits, dots and dashes, the first a letter or digit',
});

/** An IPv4 or IPv6 address, never a name: nothing is looked up for a peer. */
export const IpAddress = z
  .string()
  .refine((text) => isIP(text) !== 0, { error: 'not an IP address' });

/** A TCP or UDP port somebody can listen on. */
export const Port = z.int().min(1).max(65_535);

/** As the kernel writes it: 52:54:00:12:34:56. */
export const Mac = z
  .string()
  .regex(/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/, { error: 'not a MAC address' });
