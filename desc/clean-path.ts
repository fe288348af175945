/** Paths that mean the same to everybody who reads them. */
import { isDecoded, isPrintable } from '../system/printable.ts';

/** Absolute, UTF-8, no empty, `.` or `..` part, no slash at the end, no control character. */
export const isCleanPath = (path: string): boolean =>
  path === '/' ||
  (path.startsWith('/') &&
    isPrintable(path) &&
    isDecoded(path) &&
    path
      .slice(1)
      .split('/')
      .every((part) => part !== '' && part !== '.' && part !== '..'));

/** True when `path` is `directory` or lies in it. Both absolute. */
export const isAtOrIn = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory}/`);

/** As people write directories: with a slash at the end or without. */
export const withoutEndSlash = (path: string): string => path.replace(/(?<=.)\/+$/, '');
