import { DataError } from '../errors.ts'
import { memoryOf } from '../tensor/bytes.ts'
import { sameDims, type Tensor } from '../tensor/tensor.ts'
import { type Dataset, kindOf } from './dataset.ts'
import { rowChunks } from './row-chunks.ts'
import { bytesOf, describe, rowCount, takeRows } from './rows.ts'
import { sha256 } from './sha256.ts'

/**
 * The SHA-256 of a data set's content as 64 hexadecimal digits: types, dims and values of inputs and labels, classes and
 * preprocessing; not its name. Equal data have equal fingerprints on every machine that ONNX Runtime runs on (values are
 * hashed in little-endian order, as they lie in memory). Synchronous.
 */
export function fingerprint(dataset: Dataset): string {
  return openFingerprint(dataset).take(dataset.inputs).hex()
}

/** A fingerprint of rows that come in blocks. */
export interface OpenFingerprint {
  /** Takes in the next inputs. Texts have to come all at once: as JSON they are one list. */
  readonly take: (inputs: Tensor) => OpenFingerprint
  readonly hex: () => string
}

/** @param dataset All but the inputs themselves, whose dims are those of all rows together. */
export function openFingerprint(
  dataset: Omit<Dataset, 'inputs'> & { readonly inputs: Pick<Tensor, 'type' | 'dims'> },
): OpenFingerprint {
  const { classes, preprocessing, inputs, labels } = dataset
  const { scale, mean, std, pad, channelAxis } = preprocessing
  const hash = sha256()
  const header = [inputs, labels].map(({ type, dims }) => ({ type, dims }))
  // What is left at its default is left out, so that fingerprints outlive new fields.
  const kind = kindOf({ labels }) === kindOf(dataset) ? {} : { kind: dataset.kind }
  const more = {
    ...kind,
    ...(pad === undefined ? {} : { pad }),
    ...(channelAxis === undefined ? {} : { channelAxis }),
  }
  const extra = Object.keys(more).length > 0 ? [more] : []
  hash.update(`${JSON.stringify([header, classes, [scale, mean, std], ...extra])}\n`)
  const open: OpenFingerprint = {
    take: (part) => {
      // Texts as JSON: where one ends and the next begins is part of the content.
      for (const { rows } of rowChunks(part)) {
        hash.update(rows.type === 'string' ? JSON.stringify(rows.data) : bytesOf(rows))
      }
      return open
    },
    hex: () => {
      for (const { rows } of rowChunks<'int32' | 'float32'>(labels)) hash.update(bytesOf(rows))
      return hash.hex()
    },
  }
  return open
}

/**
 * The SHA-256 of each row's input, labels aside: equal where type, dims and values are.
 *
 * @example
 * new Set(rowHashes(train)).size // how many different inputs there are
 */
export function rowHashes({ inputs }: Pick<Dataset, 'inputs'>): string[] {
  return inChunks(inputs, hashesOf)
}

/** What each piece of the rows gives, one piece in memory at a time. */
function inChunks(inputs: Tensor, of: (rows: Tensor) => string[]): string[] {
  const found: string[] = []
  for (const { rows } of rowChunks(inputs)) for (const one of of(rows)) found.push(one)
  return found
}

function hashesOf(inputs: Tensor): string[] {
  const rows = rowCount(inputs)
  const header = `${JSON.stringify([inputs.type, inputs.dims.slice(1)])}\n`
  const row = rowContent(inputs)
  return Array.from({ length: rows }, (_, index) => sha256().update(header).update(row(index)).hex())
}

/**
 * The SHA-256 of what each row's input says: as {@link rowHashes}, but ids that fill up short rows of tokens are left out, so
 * that a row keeps its key beside longer ones.
 *
 * @example
 * const kept = new Set(rowKeys(pack))
 */
export function rowKeys({ inputs, preprocessing }: Pick<Dataset, 'inputs' | 'preprocessing'>): string[] {
  if (inputs.type !== 'int64' || inputs.dims.length !== 2) return rowHashes({ inputs })
  return inChunks(inputs, (rows) => tokenKeys(rows, preprocessing.pad))
}

function tokenKeys(inputs: Tensor, padded: number | undefined): string[] {
  const [rows = 0, width = 0] = inputs.dims
  const ids = inputs.data as BigInt64Array
  const pad = BigInt(padded ?? 0)
  return Array.from({ length: rows }, (_, row) => {
    let end = (row + 1) * width
    while (end > row * width && ids[end - 1] === pad) end--
    const said = ids.subarray(row * width, end)
    return sha256().update('["int64","tokens"]\n').update(memoryOf(said)).hex()
  })
}

function rowContent(inputs: Tensor): (row: number) => Uint8Array | string {
  const rows = Math.max(rowCount(inputs), 1)
  if (inputs.type === 'string') {
    const texts = inputs.data as string[]
    const width = texts.length / rows
    return (row) => JSON.stringify(texts.slice(row * width, (row + 1) * width))
  }
  const bytes = bytesOf(inputs)
  const width = bytes.length / rows
  return (row) => bytes.subarray(row * width, (row + 1) * width)
}

/** How much of one data set is found in another. */
export interface Overlap {
  /** Rows of the first whose input also is in the second. */
  readonly rows: number
  /** The first such pairs, at most 10: row of the first, row of the second. */
  readonly examples: readonly (readonly [number, number])[]
  /** Among `rows`, those whose labels are not the same in both (by class name where there are classes). */
  readonly conflicting: number
}

/**
 * Counts the rows of `a` that are in `b` as well: the same input to the last bit, whatever its label. Of rows that `b` has more
 * than once the first counts.
 *
 * @throws DataError `row-mismatch` when the rows differ in type or dims, and could not be equal.
 * @example
 * const { rows } = overlap(test, train) // should be 0
 */
export function overlap(a: Dataset, b: Dataset): Overlap {
  if (a.inputs.type !== b.inputs.type || !sameDims(a.inputs.dims.slice(1), b.inputs.dims.slice(1))) {
    throw new DataError(
      'row-mismatch',
      `Rows of '${a.name}', ${describe(a.inputs)}, cannot be compared with rows of '${b.name}', ${describe(b.inputs)}: read both in the same way.`,
    )
  }
  const places = new Map<string, number>()
  for (const [row, hash] of rowHashes(b).entries()) if (!places.has(hash)) places.set(hash, row)
  const pairs = rowHashes(a).flatMap((hash, row): [number, number][] => {
    const other = places.get(hash)
    return other === undefined ? [] : [[row, other]]
  })
  return {
    rows: pairs.length,
    examples: pairs.slice(0, 10),
    conflicting: pairs.filter(([row, other]) => labelOf(a, row) !== labelOf(b, other)).length,
  }
}

/**
 * Rows whose input has been seen earlier in the same data set.
 *
 * @returns For each such row its number and that of the first equal one.
 */
export function duplicates(dataset: Dataset): (readonly [row: number, first: number])[] {
  const places = new Map<string, number>()
  return rowHashes(dataset).flatMap((hash, row): [number, number][] => {
    const first = places.get(hash)
    if (first !== undefined) return [[row, first]]
    places.set(hash, row)
    return []
  })
}

function labelOf({ labels, classes }: Dataset, row: number): string {
  const values = Array.from(takeRows<'int32' | 'float32'>(labels, Int32Array.of(row)).data)
  if (labels.type === 'int32') return JSON.stringify(values.map((value) => classes[value] ?? value))
  if (classes.length === 0) return JSON.stringify(values)
  return JSON.stringify(values.flatMap((value, index) => (value > 0 ? [classes[index]] : [])).sort())
}
