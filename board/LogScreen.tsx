import type { ReactNode } from 'react';
import { Happenings } from './Happenings.tsx';
import type { SessionView } from './session-view.ts';

/** Everything that happened, nodes' own lines included, scrolled up by `scroll` lines. */
export const LogScreen = ({
  view,
  lines,
  scroll,
}: {
  view: SessionView;
  lines: number;
  scroll: number;
}): ReactNode => (
  <Happenings happenings={view.log.slice(0, view.log.length - scroll)} lines={lines} />
);
