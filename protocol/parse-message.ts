import type { z } from 'zod';

/**
 * Text from the wire as a checked message. Undefined for text that is not JSON
 * or does not fit: anyone may send anything to an open port.
 */
export const parseMessage = <T>(schema: z.ZodType<T>, text: string): T | undefined => {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};
