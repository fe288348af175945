/** What the board's keys can ask of the session. The golden decides what comes of it. */
export interface BoardActions {
  /** Start with the nodes that are here. */
  start(): void;
  /** Take this node out of the session. */
  eject(node: number): void;
  /** Give this node another pass. */
  retry(node: number): void;
  /** End the session. */
  stop(): void;
}
