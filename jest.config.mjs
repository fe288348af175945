const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic' } },
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

const filesIn = (...rooms) => rooms.map((room) => `<rootDir>/test/${room}/**/*.test.{ts,tsx}`);

/** Tests that use loop devices, mounts and namespaces: each makes its own. */
export const machines = (...rooms) => ({
  ...base,
  displayName: 'machines',
  testMatch: filesIn(...rooms),
});

export default {
  // Of which the longest takes a hundred seconds, and most of it waits.
  testSequencer: '<rootDir>/test/longest-first.mjs',
  maxWorkers: 2,
  testTimeout: 60_000,
  projects: [
    {
      ...base,
      displayName: 'parts',
      testMatch: [
        ...filesIn(
          'bench',
          'board',
          'boot',
          'cli',
          'client-agent',
          'golden',
          'project',
          'protocol',
          'relay',
          'simulation',
          'streams',
          'system',
          'trust',
        ),
        '<rootDir>/test/attacks/*.test.ts',
        '<rootDir>/test/fuzz/*.test.ts',
      ],
    },
    machines('attacks/machines', 'demo', 'desc', 'fuzz/machines', 'images', 'session', 'stage2'),
  ],
};
