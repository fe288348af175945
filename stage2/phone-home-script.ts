/** The script that calls home, for whatever the clone has that can open a connection. */
import { HOME_REPLIES, HOME_WORD, HomeCall } from '../protocol/home.ts';
import { existsInside } from '../system/inside.ts';

export interface Caller {
  program: string;
  /** Shell command that sends "$line" to the golden and prints its answer. */
  command(home: HomeCall): string;
  /** Limits the time of one try where the clone can. */
  limit: string;
}

/** How long a clone tries to reach the golden, and how long it waits between tries, in seconds. */
export const PATIENCE_S = 300;
const PAUSE_S = 5;
const TRY_S = 20;

const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** In order of how surely they are what they seem. Of nc there are several; these options all have. */
const CALLERS: readonly Omit<Caller, 'limit'>[] = [
  {
    program: 'bash',
    command: ({ host, port }) =>
      `bash -c 'exec 3<>/dev/tcp/${host}/${port} && printf "%s\\n" "$0" >&3 && read -r -t 10 reply <&3 && printf %s "$reply"' "$line"`,
  },
  {
    program: 'python3',
    command: ({ host, port }) =>
      `python3 -c 'import socket, sys; s = socket.create_connection(("${host}", ${port}), 10); s.sendall((sys.argv[1] + "\\n").encode()); print(s.makefile().readline())' "$line"`,
  },
  {
    program: 'perl',
    command: ({ host, port }) =>
      `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(PeerAddr => "${host}", PeerPort => ${port}, Timeout => 10) or exit 1; print $s "$ARGV[0]\\n"; print scalar <$s>' "$line"`,
  },
  {
    program: 'nc',
    command: ({ host, port }) => `printf '%s\\n' "$line" | nc -w 10 ${host} ${port}`,
  },
  {
    program: 'curl',
    // It would close the connection at the end of its input, before the answer.
    command: ({ host, port }) =>
      `{ printf '%s\\n' "$line"; sleep 3; } | curl --silent --max-time 10 telnet://${urlHost(host)}:${port}`,
  },
];

const PROGRAM_PLACES = ['/usr/bin', '/bin', '/usr/local/bin'];

const has = async (root: string, program: string): Promise<boolean> => {
  for (const place of PROGRAM_PLACES) {
    if (await existsInside(root, `${place}/${program}`)) return true;
  }
  return false;
};

/** The best program the clone has for it; null when it has none. */
export const findCaller = async (root: string): Promise<Caller | null> => {
  const limit = (await has(root, 'timeout')) ? `timeout ${TRY_S} ` : '';
  for (const caller of CALLERS) {
    if (await has(root, caller.program)) return { ...caller, limit };
  }
  return null;
};

/**
 * Shell text, of values that were checked here: none is quoted. `entries` are all files and links that belong to it: they go when
 * the call was heard, or never will be; `afterwards` is a command run then.
 */
export const homeScript = (
  wanted: HomeCall,
  caller: Caller,
  { entries, afterwards }: { entries: readonly string[]; afterwards: string | undefined },
): string => {
  const home = HomeCall.parse(wanted);
  return `\
#!/bin/sh
# Tells the golden node once that this clone runs from its own disk, then removes itself.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

call() {
  ${caller.command(home)}
}

# Not the clock: it may be set while this waits.
seconds() {
  read -r up idle </proc/uptime
  echo "\${up%%.*}"
}

if [ "$1" = once ]; then
  line=$2
  call
  exit
fi

read -r name </proc/sys/kernel/hostname
read -r boot </proc/sys/kernel/random/boot_id
end=$(($(seconds) + ${PATIENCE_S}))
while [ "$(seconds)" -lt "$end" ]; do
  case $(${caller.limit}/bin/sh "$0" once "${HOME_WORD} ${home.token} $name $boot" 2>/dev/null) in
    ${HOME_REPLIES.known}* | ${HOME_REPLIES.unknown}*) break ;;
  esac
  sleep ${PAUSE_S}
done
rm -f ${entries.join(' ')}
rmdir "\${0%/*}" 2>/dev/null
${afterwards ?? 'exit 0'}
`;
};
