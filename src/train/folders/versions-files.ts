import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../../engine/engine.ts'
import { runtimeVersion } from './machine-node.ts'

/** Versions of what computes: they decide a run's bits, beside its plan and data. */
export function versions(engine: Engine): Record<string, string> {
  const own = createRequire(import.meta.url)('holdfast/package.json') as { readonly version: string }
  return { holdfast: own.version, node: process.versions.node, onnxruntime: runtimeVersion(engine) }
}

/** The same with `code`, the program itself: between two releases the version stays while the code does not. */
export const runVersions = (engine: Engine): Record<string, string> => ({
  ...versions(engine),
  code: codeDigest(),
})

let known: string | undefined

/** The first digits of the SHA-256 of the program's files. */
function codeDigest(): string {
  known ??= digestOf(fileURLToPath(import.meta.url)).slice(0, 16)
  return known
}

/** Of all files of the program where it lies in many or is bundled in pieces (scripts/bundle.mjs), of this one where it is bundled as one. */
function digestOf(own: string): string {
  const hash = createHash('sha256')
  const name = basename(own)
  const [many, pieces] = [/^versions-files\.[jt]s$/.test(name), /^chunk-\w+\.js$/.test(name)]
  if (!many && !pieces) return hash.update(readFileSync(own)).digest('hex')
  const root = resolve(own, many ? '../../..' : '..')
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.[jt]s$/.test(name) && !/\.(test|d)\.ts$/.test(name))
    .sort()
  for (const name of names) hash.update(`${name}\n`).update(readFileSync(join(root, name)))
  return hash.digest('hex')
}
