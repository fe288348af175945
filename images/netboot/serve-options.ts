import type { AddressRange } from './network.ts';
import type { Serving } from './serving.ts';

export interface ServeOptions {
  interface: string | undefined;
  address: string | undefined;
  range: AddressRange | undefined;
  /** `auto` = proxy where a DHCP server answers, otherwise dhcp. */
  mode: 'auto' | Serving['mode'];
  /** Name of the boot image. */
  image: string;
  /** Gets what is served, and each event, a line each. */
  say: (line: string) => void;
  signal: AbortSignal;
}
