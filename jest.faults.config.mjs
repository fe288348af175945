import { machines } from './jest.config.mjs';

// Sessions with real faults, each with times to keep. Long: they have a run of their own.
export default {
  testTimeout: 60_000,
  projects: [machines('faults')],
};
