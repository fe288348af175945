/** Paths a Debian changes by running once, beside those each clone has of its own anyway. */

const patterns: readonly RegExp[] = [/^var\/log(\/.*)?$/];

export const isChangedByBoot = (path: string): boolean =>
  patterns.some((pattern) => pattern.test(path));
