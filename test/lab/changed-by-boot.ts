/** Paths a Debian changes by running once, beside those each clone has of its own anyway. */

const patterns: readonly RegExp[] = [
  /^var\/log(\/.*)?$/,
  /^var\/lib\/systemd\/(timers|linger)(\/.*)?$/,
  // Times of the directories from which what reported the first boot has removed itself.
  /^etc\/systemd\/system(\/multi-user\.target\.wants)?$/,
  /^usr\/local\/lib$/,
];

/** True for a path, below the root of the tree, that may differ after the first boot. */
export const isChangedByBoot = (path: string): boolean =>
  patterns.some((pattern) => pattern.test(path));
