import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { nameSoftwareVulkan } from './test/software-vulkan.ts'

// Real data sits beside the checkout on machines that have it; elsewhere the suite uses the synthetic digits.
if (!process.env.HOLDFAST_DATA && existsSync('../shared/data')) process.env.HOLDFAST_DATA = '../shared/data'
// Tests leave nothing in the user's cache.
process.env.HOLDFAST_CACHE_BYTES ??= '0'

// Before any test runs.
nameSoftwareVulkan()

/** The files that take longest come first: one of them at the end would leave a core idle. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const slow = [
      'queue',
      'tutorials',
      'kill-and-resume',
      'bench-store',
      'cli',
      'update',
      'docs',
      'families',
      'ops',
      'article',
    ]
    const place = ({ moduleId }: TestSpecification): number => {
      const found = slow.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
      return found < 0 ? slow.length : found
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 120_000,
    pool: 'forks',
    // The default leaves a core idle.
    maxWorkers: availableParallelism(),
    // Files of one worker share what they import. A test restores what it changes of the process.
    isolate: false,
    sequence: { sequencer: SlowFirst },
    globalSetup: 'test/global-setup.ts',
    setupFiles: ['test/property-seed.ts'],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts', 'src/**/*_pb.ts'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
