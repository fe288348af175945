import base from './jest.config.mjs';

// Sessions with real faults, each with times to keep: one file after the other.
export default {
  ...base,
  testMatch: ['<rootDir>/test/faults/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  maxWorkers: 1,
};
