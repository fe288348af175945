/**
 * Values as they may stand in the files of boot loaders and DHCP servers, in
 * which nothing can be quoted: each has only what such a value can be.
 */
import { z } from 'zod';
import { NamedError } from '../../system/named-error.ts';
import { isIpv4 } from './ipv4.ts';

export const Ipv4 = z.string().refine(isIpv4, { error: 'not an IPv4 address' });

/** As the kernel names them, without what would end a setting. */
export const InterfaceName = z.string().regex(/^[\w.@-]{1,15}$/, { error: 'not a plain name' });

/** As `checkImageName` has it. */
export const ImageName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

/** No blanks, commas, quotes and line ends: dnsmasq would read on behind them. */
export const PlainPath = z
  .string()
  .regex(/^\/[\w./+@%:=~-]*$/, { error: 'not a path of letters, digits, dots and dashes' });

/** Words of a kernel's command line. */
export const KernelArguments = z.string().regex(/^[\w./:,=@%+[\] -]*$/);

/** `value` as the schema has it. Throws `NotPlain`, with `what` it was to be. */
export const plain = <T>(schema: z.ZodType<T>, value: unknown, what: string): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = [what, ...(issue?.path ?? [])].join(', ');
  const message = `network boot cannot use ${where} ${JSON.stringify(value)}: ${issue?.message ?? 'unknown'}`;
  throw new NamedError('NotPlain', message);
};
