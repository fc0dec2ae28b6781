import { closeSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { sha256 } from '../sha256.ts'

/** The length of a row's key: a SHA-256, one character a byte (latin1). */
export const keyLength = 32
/** What stands at the end of an entry. */
const mark = 'HFROWS1\n'

/** What an entry says of itself: the number of its rows, the dims of one, and the SHA-256 of its index. */
const footer = z.strictObject({
  rows: z.int().min(1),
  dims: z.array(z.int().min(1)).min(1).max(8),
  index: z.hex().length(64),
})

/** One row of a cache. */
export interface CachedRow {
  /** Of uint8 values. */
  readonly dims: readonly number[]
  /** Bits that were stored with the row. */
  readonly marks: number
  /**
   * Reads the row's bytes.
   *
   * @returns false where they are not what was written: the entry is damaged.
   */
  readonly read: (into: Uint8Array) => boolean
}

/**
 * A file of rows: their bytes one after another, then the index (all keys, all CRC-32, all marks), a footer in JSON, its length
 * and a mark. The index is checked when an entry is opened, each row when it is read.
 */
export interface RowEntry {
  readonly keys: readonly string[]
  readonly row: (at: number) => CachedRow
  readonly close: () => void
}

/**
 * Opens an entry and reads its index.
 *
 * @returns undefined where the file is damaged.
 */
export async function openEntry(path: string): Promise<RowEntry | undefined> {
  const file = await open(path, 'r')
  try {
    return await indexed(path, file)
  } finally {
    await file.close()
  }
}

const indexBytes = (rows: number): number => rows * (keyLength + 5)

async function indexed(path: string, file: FileHandle): Promise<RowEntry | undefined> {
  const { size } = await file.stat()
  const tail = await bytesAt(file, size - 4 - mark.length, 4 + mark.length)
  if (tail?.toString('latin1', 4) !== mark) return undefined
  const footerStart = size - tail.length - tail.readUInt32LE(0)
  const said = footerOf(await bytesAt(file, footerStart, tail.readUInt32LE(0)))
  if (!said) return undefined
  const { rows, dims } = said
  const width = dims.reduce((product, dim) => product * dim, 1)
  if (rows * width + indexBytes(rows) !== footerStart) return undefined
  const index = await bytesAt(file, rows * width, indexBytes(rows))
  if (!index || sha256().update(index).hex() !== said.index) return undefined
  let descriptor: number | undefined
  return {
    keys: Array.from({ length: rows }, (_, at) =>
      index.toString('latin1', at * keyLength, (at + 1) * keyLength),
    ),
    row: (at) => ({
      dims,
      marks: index[rows * (keyLength + 4) + at] ?? 0,
      read: (into) => {
        descriptor ??= openSync(path, 'r')
        const count = readSync(descriptor, into, 0, width, at * width)
        return (
          count === width && crc32(into.subarray(0, width)) === index.readUInt32LE(rows * keyLength + 4 * at)
        )
      },
    }),
    close: () => {
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}

async function bytesAt(file: FileHandle, start: number, length: number): Promise<Buffer | undefined> {
  if (start < 0) return undefined
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start)
  return bytesRead === length ? buffer : undefined
}

function footerOf(bytes: Buffer | undefined): z.output<typeof footer> | undefined {
  try {
    return footer.safeParse(JSON.parse(bytes?.toString() ?? '')).data
  } catch {
    return undefined
  }
}

/** What an entry's index takes in. */
export interface IndexedRow {
  readonly key: string
  readonly crc: number
  readonly marks: number
}

/** What follows the bytes of an entry's rows. */
export function entryTail(rows: readonly IndexedRow[], dims: readonly number[]): Buffer {
  const index = Buffer.alloc(indexBytes(rows.length))
  for (const [at, { key, crc, marks }] of rows.entries()) {
    index.write(key, at * keyLength, 'latin1')
    index.writeUInt32LE(crc, rows.length * keyLength + 4 * at)
    index[rows.length * (keyLength + 4) + at] = marks
  }
  const said: z.input<typeof footer> = {
    rows: rows.length,
    dims: [...dims],
    index: sha256().update(index).hex(),
  }
  const text = Buffer.from(JSON.stringify(said))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([index, text, length, Buffer.from(mark)])
}
