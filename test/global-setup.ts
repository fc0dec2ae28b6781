import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

/**
 * A folder of this run of the suite, for what several test files need and one of them makes: the bundled command line.
 * While files are watched there is none: what was made would be older than the sources.
 */
export default function ({ config }: TestProject): () => void {
  if (config.watch) return () => undefined
  const folder = resolve(import.meta.dirname, '..', '.cache', `suite-${process.pid}`)
  process.env.HOLDFAST_TEST_CACHE = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
