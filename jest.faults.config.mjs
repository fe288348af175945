import { machines } from './jest.config.mjs';

// Sessions with real faults, each with times to keep. Long: they have a run of their own.
export default {
  // They have times to keep.
  maxWorkers: 1,
  testTimeout: 60_000,
  projects: [machines('faults')],
};
