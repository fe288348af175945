import process from 'node:process';
import { type Command, InvalidArgumentError } from 'commander';
import { tellSession } from '../golden/operator-socket.ts';
import { Code } from '../trust/code.ts';

const code = (text: string): string => {
  const parsed = Code.safeParse(text.replaceAll(/\s/g, ''));
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('expected the six digits the machine shows.');
};

const print = (lines: readonly string[]): void => {
  for (const line of lines) process.stdout.write(`${line}\n`);
};

/** `ka requests`, `ka admit CODE`: machines without a join string or ticket. */
export const addAdmitCommands = (program: Command): void => {
  program
    .command('requests')
    .description('machines that ask a session of this machine to be let in, with their codes')
    .argument('[session]', 'its name, when several run')
    .action(async (session: string | undefined) => {
      const lines = await tellSession(session, { command: 'requests' });
      print(lines.length > 0 ? lines : ['no machine asks to be let in']);
    });
  program
    .command('admit')
    .description('let in the machine whose screen shows this code')
    .argument('<code>', 'six digits; compare them with the screen of the machine itself', code)
    .argument('[session]', 'its name, when several run')
    .action(async (digits: string, session: string | undefined) => {
      print(await tellSession(session, { command: 'admit', code: digits }));
    });
};
