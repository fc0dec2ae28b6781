import { DataError } from '../errors.ts'
import { bytesOf, zeros } from '../tensor/bytes.ts'
import type { DType, Storage, Tensor } from '../tensor/tensor.ts'

/** Rows that are read where they lie whenever some are asked for. */
export interface RowSource {
  /** Copies the rows named by `indices`, in that order, one after another to the beginning of `into`. */
  readonly copy: (indices: Int32Array, into: Uint8Array) => void
  /** Where rows that are made of these go; undefined where these are made of what lies in memory. */
  readonly spill: Spill | undefined
}

/** Where rows go: into memory while there is room, then onto the disk. */
export interface Spill {
  /** Whether so many more bytes have room in memory, and takes it. */
  readonly reserve: (bytes: number) => boolean
  /** Rows as they are where memory has room for them; else the same rows on disk. */
  readonly keep: <T extends DType>(rows: Tensor<T>) => Tensor<T>
  /** Puts bytes on disk, and says where. */
  readonly lay: (bytes: Uint8Array) => number
  /** Fills `into` with the bytes that lie at a place and behind it. */
  readonly read: (at: number, into: Uint8Array) => void
}

/**
 * A tensor whose rows are read of a source. They are taken as of any other (`takeRows`, `copyRows`); all at once (`data`) are not to be had
 * where some lie on disk, and are made anew where none do.
 */
export class SourcedTensor<T extends DType = DType> implements Tensor<T> {
  readonly type: T
  readonly dims: readonly number[]
  readonly source: RowSource
  #made: WeakRef<Storage[T]> | undefined

  constructor(type: T, dims: readonly number[], source: RowSource) {
    this.type = type
    this.dims = dims
    this.source = source
  }

  get data(): Storage[T] {
    if (this.source.spill) {
      throw new DataError(
        'rows-on-disk',
        `This needs all rows in memory at once (${this.type} [${this.dims.join(', ')}]), and they are kept on disk, as they are more than the limit. Raise the limit (maxBytes), take fewer rows, or choose a method that reads them batch by batch.`,
      )
    }
    const kept = this.#made?.deref()
    if (kept) return kept
    const made = this.#make()
    this.#made = new WeakRef(made)
    return made
  }

  #make(): Storage[T] {
    const made = zeros(this.type, this.dims)
    const rows = Int32Array.from({ length: this.dims[0] ?? 0 }, (_, row) => row)
    this.source.copy(rows, bytesOf(made))
    return made.data
  }
}

/** What the rows of a tensor are read of; undefined where it holds them itself. */
export const sourceOf = (tensor: Tensor): RowSource | undefined =>
  tensor instanceof SourcedTensor ? tensor.source : undefined

/** The rows of one source that some places name, in that order: nothing is copied. */
export const pickedSource = (source: RowSource, places: Int32Array): RowSource => ({
  copy: (indices, into) =>
    source.copy(
      indices.map((at) => places[at] ?? -1),
      into,
    ),
  spill: source.spill,
})

/** Rows of several sources, one after another. */
export interface SourcePart {
  readonly rows: number
  readonly copy: RowSource['copy']
}

/** @param rowBytes Of one row. */
export function joinedSource(
  parts: readonly SourcePart[],
  rowBytes: number,
  spill: Spill | undefined,
): RowSource {
  const ends: number[] = []
  for (const { rows } of parts) ends.push((ends.at(-1) ?? 0) + rows)
  return {
    copy: (indices, into) => {
      for (let start = 0; start < indices.length; ) {
        const place = partAt(ends, indices[start] ?? 0)
        const end = ends[place] ?? 0
        const begin = end - (parts[place]?.rows ?? 0)
        let count = 1
        while (inside(indices[start + count], begin, end)) count++
        const own = indices.subarray(start, start + count).map((row) => row - begin)
        parts[place]?.copy(own, into.subarray(start * rowBytes, (start + count) * rowBytes))
        start += count
      }
    },
    spill,
  }
}

const inside = (row: number | undefined, begin: number, end: number): boolean =>
  row !== undefined && row >= begin && row < end

/** The first part that ends behind a row. */
export function partAt(ends: ArrayLike<number>, row: number): number {
  let [low, high] = [0, ends.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ends[middle] ?? 0) > row) high = middle
    else low = middle + 1
  }
  return low
}
