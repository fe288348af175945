import { useSyncExternalStore } from 'react';
import type { SessionView } from './session-view.ts';
import type { ViewStore } from './view-store.ts';

/** The view to draw, following the store. */
export const useView = (store: ViewStore): SessionView =>
  useSyncExternalStore(store.listen, store.shown, store.shown);
