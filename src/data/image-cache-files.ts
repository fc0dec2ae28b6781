import { join } from 'node:path'
import { cacheBytes, cacheFolder, openRowCache, type RowCache } from './cache/index-files.ts'
import type { ImageSpec } from './images/index.ts'
import { imageRecipe } from './images/index-files.ts'
import type { ReadOptions } from './read-options.ts'

/** The cache of one reading's images, opened at the first of them. */
export interface ImageCache {
  readonly open: (spec: ImageSpec) => Promise<RowCache | undefined>
  /** Writes what is worth keeping. */
  readonly close: () => Promise<void>
}

/**
 * The cache that options ask for, or one that is never there.
 *
 * @throws UsageError `cache-bytes`
 */
export function imageCache({ cache, onNote }: Pick<ReadOptions, 'cache' | 'onNote'>): ImageCache {
  const mostBytes = cache ? cacheBytes() : 0
  if (mostBytes === 0) return { open: async () => undefined, close: async () => undefined }
  const folder = join(cacheFolder(), 'rows')
  let opened: Promise<RowCache> | undefined
  return {
    open: (spec) => {
      opened ??= openRowCache({
        folder,
        recipe: imageRecipe(spec),
        mostBytes,
        onProblem: (reason) =>
          onNote?.(
            `${folder}: decoded images cannot be kept there (${reason}). They were decoded all the same; --no-cache does not try.`,
          ),
      })
      return opened
    },
    close: async () => (await opened)?.close(),
  }
}
