import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Real data sits beside the checkout on machines that have it; elsewhere the suite uses the synthetic digits.
if (!process.env.HOLDFAST_DATA && existsSync('../shared/data')) process.env.HOLDFAST_DATA = '../shared/data'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 120_000,
    pool: 'forks',
    // The default leaves a core idle.
    maxWorkers: availableParallelism(),
    // Files of one worker share what they import. A test restores what it changes of the process.
    isolate: false,
    globalSetup: 'test/global-setup.ts',
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts', 'src/**/*_pb.ts'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
