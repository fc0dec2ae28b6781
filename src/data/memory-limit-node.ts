import { totalmem } from 'node:os'
import { count } from '../count.ts'
import { DataError } from '../errors.ts'
import { sizeOf } from '../tensor/tensor.ts'
import type { ReadyPart } from './parts.ts'
import type { RowsExpected } from './row-room.ts'

/** What data may take in memory, counted as they are read. */
export interface MemoryLimit {
  /** @throws DataError `data-too-large` where these bytes are more than what is left. */
  readonly take: (bytes: number) => void
  /**
   * Looks ahead: so many rows of so many bytes are still to come.
   *
   * @param rows undefined where that is not known: then it is found out by {@link MemoryLimit.take}.
   * @throws DataError `data-too-large` naming the size.
   */
  readonly expect: RowsExpected
}

/** @param maxBytes Default a quarter of the machine's memory. */
export function memoryLimit(maxBytes: number | undefined, place: string): MemoryLimit {
  const limit = maxBytes ?? totalmem() / 4
  const whose = maxBytes === undefined ? "a quarter of this machine's memory" : 'the limit that was set'
  const refuse = (what: string): never => {
    throw new DataError(
      'data-too-large',
      `${place}: ${what} ${gigabytes(limit)}, ${whose}. Raise the limit (maxBytes), or take fewer rows.`,
    )
  }
  let sum = 0
  return {
    take: (bytes) => {
      sum += bytes
      if (sum > limit) refuse('the data do not fit into')
    },
    expect: (rows, rowBytes) => {
      if (rows === undefined || sum + rows * rowBytes <= limit) return
      const each = `${count(rows, 'row')} of ${count(rowBytes, 'byte')}`
      refuse(`${each} take ${gigabytes(rows * rowBytes)} of memory, and do not fit into`)
    },
  }
}

const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toPrecision(3)} GiB`

/** What a part takes in memory. */
export function bytesOfPart({ inputs }: ReadyPart): number {
  if ('tokens' in inputs) return inputs.tokens.reduce((sum, { ids }) => sum + 8 * ids.length, 0)
  if (inputs.type === 'string')
    return (inputs.data as string[]).reduce((sum, text) => sum + 2 * text.length, 0)
  const width = (inputs.data as { readonly BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1
  return sizeOf(inputs.dims) * width
}
