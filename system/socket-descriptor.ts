import type { Socket } from 'node:net';

/** Descriptor of a connected socket, for calls Node does not have; null when it has none (any more). */
export const descriptorOf = (socket: Socket): number | null => {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null && Reflect.get(handle, 'fd');
  return typeof fd === 'number' && fd >= 0 ? fd : null;
};
