/** A peer's IP address as it is usually written: IPv4 also where the socket is one for IPv6. */
export const plainAddress = ({ remoteAddress }: { remoteAddress?: string | undefined }): string =>
  (remoteAddress ?? '').replace(/^::ffff:/, '');
