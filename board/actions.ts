/** What the board's keys can ask of the session. The golden decides what comes of it. */
export interface BoardActions {
  /** Start with the nodes that are here. */
  start(): void;
  /** Take this node out of the session. */
  eject(node: number): void;
  /** Give this node another pass. */
  retry(node: number): void;
  /** Let in the machine that shows this code, or turn it away. */
  admit(code: string): void;
  deny(code: string): void;
  /** End the session. */
  stop(): void;
  /** What `ka agent --join` takes, once the session is open. A secret: for this screen only. */
  join(): string | undefined;
}
