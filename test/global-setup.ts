import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

/**
 * Two folders of this run of the suite, which go with it. Temporary files of all tests and of the commands that they start are in one. In
 * the other is what several test files need and one of them makes, the bundled command line: while files are watched there is none, as
 * what was made would be older than the sources.
 */
export default function ({ config }: TestProject): () => void {
  const folders = [mkdtempSync(join(tmpdir(), 'holdfast-tests-'))]
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folders[0]
  if (!config.watch) {
    const folder = resolve(import.meta.dirname, '..', '.cache', `suite-${process.pid}`)
    process.env.HOLDFAST_TEST_CACHE = folder
    folders.push(folder)
  }
  return () => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}
