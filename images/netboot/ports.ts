/** Whether a port is free for us, and who has it otherwise. */
import { NamedError } from '../../system/named-error.ts';
import { run } from '../../system/run.ts';

export interface WantedPort {
  protocol: 'udp' | 'tcp';
  port: number;
  /** What it is wanted for. */
  use: string;
}

/**
 * Whether a socket at `local` ("0.0.0.0%eth1:67", "*:69", "[::]:80") is in our way.
 * One that is bound to another interface, as those of virtual networks are, is not.
 */
export const isInTheWay = (local: string, device: string, address: string): boolean => {
  const [, host = '', bound] = /^(.*?)(?:%([^:]+))?:\d+$/.exec(local) ?? [];
  if (bound !== undefined && bound !== device) return false;
  return ['0.0.0.0', '*', '[::]', address].includes(host);
};

const holderOf = (line: string): string => {
  const [, name, pid] = /users:\(\("([^"]*)",pid=(\d+)/.exec(line) ?? [];
  return name === undefined ? 'another program' : `${name} (process ${pid})`;
};

/** Throws `PortInUse`, naming the program that has it, for the first port that is taken. */
export const checkPorts = async (
  wanted: readonly WantedPort[],
  { name, address }: { name: string; address: string },
  signal: AbortSignal,
): Promise<void> => {
  for (const { protocol, port, use } of wanted) {
    const flags = ['-H', '-l', '-n', '-p', protocol === 'udp' ? '-u' : '-t'];
    const { stdout } = await run('ss', [...flags, `sport = :${port}`], { signal });
    for (const line of stdout.split('\n').filter(Boolean)) {
      const local = line.trim().split(/\s+/)[3] ?? '';
      if (!isInTheWay(local, name, address)) continue;
      const message = `port ${port}/${protocol} (${use}) is taken by ${holderOf(line)}; end that first`;
      throw new NamedError('PortInUse', message);
    }
  }
};
