import { rmSync } from 'node:fs'
import { resolve } from 'node:path'

/** A folder of this run of the suite, for what several test files need and one of them makes: the bundled command line. */
export default function (): () => void {
  const folder = resolve(import.meta.dirname, '..', '.cache', `suite-${process.pid}`)
  process.env.HOLDFAST_TEST_CACHE = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
