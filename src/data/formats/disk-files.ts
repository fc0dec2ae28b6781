import { constants, gunzipSync } from 'node:zlib'
import { DataError } from '../../errors.ts'
import { readBytes } from '../../tensor/reads-files.ts'
import { checkUnpacked, mostUnpacked } from '../../tensor/unpack-limit.ts'
import { machineMemory } from '../machine-memory-node.ts'
import type { NamedBytes } from './idx.ts'

/** The most bytes that a file may unpack to where nothing else is said: a quarter of what the machine has. */
export const unpackedLimit = (): number => Math.floor(machineMemory() / 4)

/** What bounds the unpacking of a file. */
interface UnpackBounds {
  /** Default {@link unpackedLimit}. */
  readonly maxBytes?: number | undefined
  /** How long the content is by its own header, from its first 4,096 bytes. */
  readonly length?: ((head: Uint8Array) => number | undefined) | undefined
}

/** How much of a packed file is unpacked to look at its header. */
const headBytes = 4096

/**
 * A file's bytes, unpacked where it is gzip: to no more than `bounds` allow, which is checked before memory is taken.
 *
 * @throws DataError `file-unreadable`, `gzip-damaged`, `unpacks-too-large`.
 */
export async function readUnpacked(path: string, bounds: UnpackBounds = {}): Promise<NamedBytes> {
  const bytes = await readBytes(path)
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { file: path, bytes }
  return { file: path, bytes: gunzipBounded(bytes, path, bounds) }
}

/** Unpacks gzip within bounds; see {@link readUnpacked}. */
function gunzipBounded(bytes: Uint8Array, path: string, bounds: UnpackBounds = {}): Uint8Array {
  const { maxBytes = unpackedLimit(), length } = bounds
  const stated = length?.(firstUnpacked(bytes, path))
  if (stated !== undefined) checkUnpacked(path, bytes.length, stated, maxBytes)
  const most = stated ?? Math.min(maxBytes, mostUnpacked(bytes.length))
  try {
    // One byte more than may be, so that what is longer is told from what fits.
    return gunzipSync(bytes, { maxOutputLength: most + 1 })
  } catch (cause) {
    if (cause instanceof RangeError) {
      if (stated === undefined) checkUnpacked(path, bytes.length, most + 1, most)
      throw new DataError(
        'unpacks-too-large',
        `${path}: by its header it holds ${stated} bytes, but more than that are packed. It is damaged; fetch it again.`,
        { cause },
      )
    }
    throw gzipProblem(path, cause)
  }
}

/** The beginning of what is packed. */
function firstUnpacked(bytes: Uint8Array, path: string): Uint8Array {
  try {
    // Deflate gives at most 1,032 bytes for one, and at least as many as are asked for where it goes on.
    return gunzipSync(bytes.subarray(0, headBytes), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(
      0,
      headBytes,
    )
  } catch (cause) {
    throw gzipProblem(path, cause)
  }
}

/** What zlib says of a damaged file, as an error that names it. */
export function gzipProblem(path: string, cause: unknown): DataError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DataError(
    'gzip-damaged',
    `${path}: the gzip file cannot be unpacked (${reason}). Fetch it again.`,
    { cause },
  )
}
