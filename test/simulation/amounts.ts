/** How many sessions are simulated; docs/scaling.md tells of them. */

/** Sessions with random failures, in parts so that each test has its time. */
export const RANDOM_PARTS = 4;
export const RANDOM_RUNS = 2500;

/** Least and most nodes of those. */
export const RANDOM_NODES: [number, number] = [2, 12];

/** A rule broken on purpose is found within so many. */
export const BROKEN_RUNS = 2000;
