import { createReadStream, type ReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { DataError } from '../../errors.ts'
import { reading, regularFile } from '../../tensor/reads-files.ts'
import { checkUnpacked } from '../../tensor/unpack-limit.ts'
import { textDecoding } from './decode.ts'
import { gzipProblem } from './disk-files.ts'

/** How a text file is read. */
interface TextReading {
  /** Of files that are not UTF-8; default: UTF-8, or what a byte order mark says. Bytes that pass for UTF-8 are hardly ever anything else. */
  readonly encoding?: string | undefined
  /** Called at the end with what people should be told of. */
  readonly onNote?: ((note: string) => void) | undefined
}

/** The most bytes that a text is unpacked to while it streams: it is the time that this bounds, as memory is not held. */
const streamLimit = 64 * 2 ** 30

/**
 * A text file in pieces, unpacked where it is gzip.
 *
 * @throws DataError `file-unreadable`, `gzip-damaged`, `unpacks-too-large`, and what {@link textDecoding} throws.
 */
export async function* textChunks(
  path: string,
  { encoding, onNote }: TextReading = {},
): AsyncGenerator<string> {
  const decoding = textDecoding(path, encoding !== undefined && (await isUtf8(path)) ? undefined : encoding)
  for await (const bytes of unpackedChunks(path)) {
    const text = decoding.push(bytes)
    if (text !== '') yield text
  }
  const rest = decoding.end()
  if (rest !== '') yield rest
  for (const note of decoding.notes()) onNote?.(note)
}

/**
 * A text file whole.
 *
 * @param options.maxBytes Default 512 MiB, about as long as a string can be.
 */
export async function readText(
  path: string,
  { maxBytes = 2 ** 29, ...options }: TextReading & { readonly maxBytes?: number | undefined } = {},
): Promise<string> {
  const chunks: string[] = []
  let length = 0
  for await (const chunk of textChunks(path, options)) {
    length += chunk.length
    if (length > maxBytes) {
      throw new DataError(
        'data-too-large',
        `${path}: the text is longer than ${Math.floor(maxBytes / 2 ** 20)} MiB, and has to be read whole. Write it as JSON Lines (.jsonl) or Parquet, which are read row by row.`,
      )
    }
    chunks.push(chunk)
  }
  return chunks.join('')
}

/** Whether a file passes for UTF-8 (or UTF-16 by its mark): then it is that, whatever other files beside it are. */
async function isUtf8(path: string): Promise<boolean> {
  const decoding = textDecoding(path)
  try {
    for await (const bytes of unpackedChunks(path)) decoding.push(bytes)
    decoding.end()
    return true
  } catch (error) {
    if (error instanceof DataError && error.code === 'text-encoding') return false
    throw error
  }
}

async function* unpackedChunks(path: string): AsyncGenerator<Uint8Array> {
  await regularFile(path)
  const stream = createReadStream(path)
  try {
    if (await isGzip(path)) yield* unpacking(path, stream)
    else yield* stream as AsyncIterable<Uint8Array>
  } catch (error) {
    // An error of ours that comes back from whoever reads the chunks stays what it is.
    await reading(path, () => Promise.reject(error))
  } finally {
    stream.destroy()
  }
}

async function* unpacking(path: string, stream: ReadStream): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  // pipeline() hands errors on, and ends both; they come out of the loop.
  pipeline(stream, gunzip, () => {})
  let unpacked = 0
  const chunks = gunzip[Symbol.asyncIterator]()
  for (;;) {
    const next = await chunks.next().catch((cause: unknown) => Promise.reject(gzipProblem(path, cause)))
    if (next.done) return
    const chunk = next.value as Uint8Array
    unpacked += chunk.length
    checkUnpacked(path, Math.max(1, gunzip.bytesWritten), unpacked, streamLimit)
    yield chunk
  }
}

async function isGzip(path: string): Promise<boolean> {
  return reading(path, async () => {
    const file = await open(path)
    try {
      const { bytesRead, buffer } = await file.read(new Uint8Array(2), 0, 2, 0)
      return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
    } finally {
      await file.close()
    }
  })
}
