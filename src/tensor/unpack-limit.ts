import { type Unzipped, unzipSync } from 'fflate'
import { byteSize } from '../count.ts'
import { DataError } from '../errors.ts'

/** Up to here an archive may unpack to whatever it likes: a list of zeros packs a thousand to one. */
const freely = 256 * 2 ** 20
/** Above it no measurements pack better than this; what does was made to fill a memory. */
const steepest = 200

/** The most bytes that so many packed ones may unpack to, whatever they are. */
export const mostUnpacked = (packed: number): number => Math.max(freely, steepest * packed)

/**
 * Refuses what would take more memory than it may, before that is taken.
 *
 * @param place Named in the error.
 * @param packed Bytes as stored.
 * @param unpacked Bytes that it says it unpacks to, or has unpacked to so far.
 * @param limit The most that may come out.
 * @throws DataError `unpacks-too-large`.
 */
export function checkUnpacked(place: string, packed: number, unpacked: number, limit: number): void {
  const steep = unpacked > mostUnpacked(packed)
  if (unpacked <= limit && !steep) return
  throw new DataError(
    'unpacks-too-large',
    `${place}: its ${byteSize(packed)} unpack to ${byteSize(unpacked)} or more, ${
      steep
        ? `${Math.floor(unpacked / packed)} to one, and no measurements pack like that. If it is what it should be, unpack it and give it unpacked`
        : `and ${byteSize(limit)} are allowed. Raise the limit (maxBytes), or give less at a time`
    }.`,
  )
}

/**
 * Unpacks a zip archive whose directory says that it fits.
 *
 * @param options.maxBytes The most that all entries may unpack to together; default 4 GiB.
 * @param options.wanted Which entries are unpacked; default all.
 * @throws DataError `unpacks-too-large`, and the code given for what is no zip archive.
 */
export function unzipBounded(
  bytes: Uint8Array,
  place: string,
  options: {
    readonly code: string
    readonly maxBytes?: number | undefined
    readonly wanted?: ((name: string) => boolean) | undefined
  },
): Unzipped {
  const { code, maxBytes = 2 ** 32, wanted = () => true } = options
  let packed = 0
  let unpacked = 0
  try {
    // An entry is unpacked into as many bytes as the directory says, and no more.
    return unzipSync(bytes, {
      filter: ({ name, size: stored, originalSize, compression }) => {
        if (!wanted(name)) return false
        packed += stored
        unpacked += Math.max(originalSize, compression === 0 ? stored : 0)
        checkUnpacked(place, Math.min(packed, bytes.length), unpacked, maxBytes)
        return true
      },
    })
  } catch (cause) {
    if (cause instanceof DataError) throw cause
    throw new DataError(code, `${place}: it is no zip archive, or a damaged one (${String(cause)}).`, {
      cause,
    })
  }
}
