import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** A package that some of what Holdfast does needs. */
export interface Package {
  readonly name: string
  /** Null where it is not installed. */
  readonly version: string | null
  readonly use: string
  /** Why it cannot be used, where it is installed and is tried. */
  readonly problem?: string | undefined
  /** What to do where it is missing or cannot be used. */
  readonly way?: string | undefined
}

const require = createRequire(import.meta.url)

/** Packages that are not part of every installation, or bring native code that may not load. */
export async function packagesHere(): Promise<Package[]> {
  return Promise.all([
    loaded('sharp', 'images', () => import('sharp'), 'npm install --include=optional sharp'),
    optional('bullmq', 'queues', 'npm install bullmq ioredis'),
    optional('ioredis', 'queues', 'npm install bullmq ioredis'),
    optional('@huggingface/tokenizers', 'texts', undefined),
    optional('hyparquet', 'Parquet', undefined),
  ])
}

async function optional(name: string, use: string, install: string | undefined): Promise<Package> {
  const version = (await versionOf(name)) ?? null
  return { name, version, use, way: version === null ? install : undefined }
}

async function loaded(
  name: string,
  use: string,
  load: () => Promise<unknown>,
  install: string,
): Promise<Package> {
  const found = await optional(name, use, install)
  if (found.version === null) return found
  try {
    await load()
    return found
  } catch (error) {
    const [problem = ''] = String(error instanceof Error ? error.message : error).split('\n')
    return { ...found, problem, way: install }
  }
}

/** Of a package where Node would find it; its own rules may hide its package.json, so the file is looked for. */
export async function versionOf(name: string): Promise<string | undefined> {
  for (const folder of require.resolve.paths(name) ?? []) {
    const text = await readFile(join(folder, name, 'package.json'), 'utf8').catch(() => undefined)
    if (text !== undefined) return (JSON.parse(text) as { readonly version?: string }).version
  }
  return undefined
}
