/** The board, the consoles and the lab's own lines side by side, in a tmux of the lab's own. */
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { KaProcess } from '../../demo/ka-process.ts';
import { run } from '../../system/run.ts';

/** Of the window as long as nobody looks; tmux fits it to the terminal then. */
const SIZE = ['-x', '200', '-y', '55'];
const BOARD_COLUMNS = '60%';
const BOARD = 'lab:0.0';
const LOOK_MS = 500;

export class Watch implements AsyncDisposable {
  readonly #socket: string;
  #attached: Promise<unknown> | undefined;
  #started = false;

  /** `directory`: for the socket of its tmux. */
  constructor(directory: string) {
    this.#socket = join(directory, 'tmux');
  }

  #tmux(...args: string[]) {
    return run('tmux', ['-S', this.#socket, ...args]);
  }

  async #ask(format: string): Promise<string> {
    return (await this.#tmux('display-message', '-p', '-t', BOARD, format)).stdout.trim();
  }

  /** Runs a command on the board's pane, with these variables besides this process's. */
  async start(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<KaProcess> {
    const variables = Object.entries(environment).map(([name, value]) => [
      '-e',
      `${name}=${value}`,
    ]);
    const session = ['new-session', '-d', '-s', 'lab', ...SIZE, ...variables.flat(), '--'];
    // A lone semicolon begins the next command of tmux.
    const keepPanes = [';', 'set-option', '-g', 'remain-on-exit', 'on'];
    const layout = [';', 'set-option', '-g', 'main-pane-width', BOARD_COLUMNS];
    await this.#tmux(...session, ...command, ...keepPanes, ...layout);
    this.#started = true;
    const pid = Number(await this.#ask('#{pane_pid}'));
    let exitCode: number | undefined;
    const untilDead = async (): Promise<number> => {
      while (exitCode === undefined) {
        const state = await this.#ask('#{pane_dead} #{pane_dead_status} #{pane_dead_signal}');
        const [, status, number] = /^1 (\d*) (\d*)$/.exec(`${state} `) ?? [];
        if (status !== undefined) exitCode = status ? Number(status) : 128 + Number(number);
        else await sleep(LOOK_MS);
      }
      return exitCode;
    };
    const kill = (name: NodeJS.Signals) => {
      try {
        if (exitCode === undefined) process.kill(pid, name);
      } catch (error) {
        // It ended since it was last looked at.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    };
    signal.addEventListener('abort', () => kill('SIGTERM'), { once: true });
    return { pid, logFile: null, ended: untilDead(), kill };
  }

  /** Shows these files as they grow, in panes of their own. */
  async show(files: readonly string[]): Promise<void> {
    for (const file of files) {
      await this.#tmux('split-window', '-t', BOARD, '-d', '--', 'tail', '-n', '+1', '-F', file);
      await this.#tmux('select-layout', '-t', BOARD, 'main-vertical');
    }
  }

  /** Gives it this process's terminal. Returns how others get to it. */
  attach(): string {
    const attach = ['-S', this.#socket, 'attach', '-t', 'lab'];
    if (process.stdout.isTTY) {
      this.#attached = execa('tmux', attach, { stdio: 'inherit', reject: false });
    }
    return ['tmux', ...attach].join(' ');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#started) await this.#tmux('kill-server');
    await this.#attached;
  }
}
