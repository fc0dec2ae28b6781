import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

/** A program for Node in one file, packages outside. */
export const bundling = {
  bundle: true,
  platform: 'node',
  packages: 'external',
  format: 'esm',
  logLevel: 'warning',
} as const

const root = resolve(import.meta.dirname, '..')

/**
 * A program made from TypeScript, whose imports count from the checkout's root (`./src/…`): Node 20 runs no TypeScript by itself.
 * It lies in the checkout, where its packages are found.
 */
export async function bundled(
  name: string,
  contents: string,
): Promise<{ readonly file: string; remove(): void }> {
  const folder = join(root, '.cache')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}-${process.pid}.mjs`)
  await build({
    ...bundling,
    stdin: { contents, resolveDir: root, loader: 'ts' },
    outfile: file,
  })
  return { file, remove: () => rmSync(file, { force: true }) }
}
