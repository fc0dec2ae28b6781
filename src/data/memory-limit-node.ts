import { count } from '../count.ts'
import { DataError } from '../errors.ts'
import { sizeOf } from '../tensor/tensor.ts'
import { machineMemory } from './machine-memory-node.ts'
import type { ReadyPart } from './parts.ts'
import type { RowsExpected } from './row-room.ts'
import type { Spill } from './spilled.ts'

/** What data may take in memory, counted as they are read. */
export interface MemoryLimit {
  /**
   * Takes a part in.
   *
   * @returns The part; with its rows on disk where there is a place for them, and no room in memory.
   * @throws DataError `data-too-large` where it is more than what is left.
   */
  readonly hold: (part: ReadyPart) => ReadyPart
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

/**
 * @param maxBytes Default a quarter of the machine's memory.
 * @param spill Where rows go that memory has no room for; its limit is that of `maxBytes`, over all that it is handed.
 */
export function memoryLimit(maxBytes: number | undefined, place: string, spill?: Spill): MemoryLimit {
  const limit = maxBytes ?? machineMemory() / 4
  const whose = maxBytes === undefined ? "a quarter of this machine's memory" : 'the limit that was set'
  const refuse: Refuse = (what, way = 'Raise the limit (maxBytes), or take fewer rows') => {
    throw new DataError('data-too-large', `${place}: ${what} ${gigabytes(limit)}, ${whose}. ${way}.`)
  }
  return spill ? spilling(spill, refuse) : counting(limit, refuse)
}

type Refuse = (what: string, way?: string) => never

function counting(limit: number, refuse: Refuse): MemoryLimit {
  let sum = 0
  const take = (bytes: number): void => {
    sum += bytes
    if (sum > limit) refuse('the data do not fit into')
  }
  return {
    take,
    hold: (part) => {
      take(bytesOfPart(part))
      return part
    },
    expect: (rows, rowBytes) => {
      if (rows === undefined || sum + rows * rowBytes <= limit) return true
      const each = `${count(rows, 'row')} of ${count(rowBytes, 'byte')}`
      return refuse(`${each} take ${gigabytes(rows * rowBytes)} of memory, and do not fit into`)
    },
  }
}

function spilling(spill: Spill, refuse: Refuse): MemoryLimit {
  // Memory that was taken for all rows of a split, of which parts have not come yet.
  let roomFor = 0
  const take = (bytes: number): void => {
    if (spill.reserve(bytes)) return
    refuse(
      'texts do not fit into',
      'Say how many tokens a row has (maxLength): rows of one length are kept on disk',
    )
  }
  return {
    take,
    hold: (part) => {
      const { inputs } = part
      const bytes = bytesOfPart(part)
      if ('tokens' in inputs || inputs.type === 'string') take(bytes)
      else if (bytes > roomFor) return { ...part, inputs: spill.keep(inputs) }
      else roomFor -= bytes
      return part
    },
    expect: (rows, rowBytes) => {
      if (rows === undefined || !spill.reserve(rows * rowBytes)) return false
      roomFor += rows * rowBytes
      return true
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
