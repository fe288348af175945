/** Where the clone will report, in words a script may hold. */
import { lookup } from 'node:dns/promises';
import { HomeCall } from '../protocol/home.ts';

/** `host` may be a name where the agent was told one: the clone calls the address behind it. */
export const homeCall = async (
  host: string,
  { port, token }: Omit<HomeCall, 'host'>,
): Promise<HomeCall> => {
  const { address } = await lookup(host);
  return HomeCall.parse({ host: address, port, token });
};
