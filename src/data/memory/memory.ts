import { CheckpointError, DataError, UsageError } from '../../errors.ts'
import type { DType, Tensor } from '../../tensor/tensor.ts'
import { createDataset, type Dataset, type Preprocessing, samples, subset } from '../dataset.ts'
import { copyRows, rowCount, takeRows } from '../rows.ts'

/**
 * Exemplars kept of data that are gone: own copies of rows, in numbered slots. Which rows to keep is decided elsewhere
 * ({@link reservoir}, {@link chooseBalanced}, {@link herding}).
 */
export interface ExemplarMemory {
  readonly capacity: number
  /** Slots in use; these are slots 0 to size - 1. */
  readonly size: number
  /**
   * Copies rows of `source` into slots; later entries overwrite earlier ones in the same slot. Slots are filled without gaps.
   *
   * @throws DataError `memory-slot` for a slot beyond the capacity or one that would leave a gap; `row-out-of-range`;
   * `row-mismatch`, `data-mismatch` when rows or classes are of another kind than those held.
   */
  put(slots: Int32Array, source: Dataset, rows: Int32Array): void
  /** Copies rows into the next free slots. */
  add(source: Dataset, rows: Int32Array): void
  /** What is held, slot by slot, copied; undefined while nothing is. */
  contents(): Dataset | undefined
  /** All that {@link restoreMemory} needs. */
  state(): MemoryState
}

/** `tensors` for a safetensors file, `json` for the text beside it. An empty memory has no tensors. */
export interface MemoryState {
  readonly tensors: { readonly inputs: Tensor; readonly labels: Dataset['labels'] } | undefined
  readonly json: {
    readonly capacity: number
    readonly name: string
    readonly synthetic: boolean
    readonly classes: readonly string[]
    readonly preprocessing: Preprocessing | null
  }
}

/**
 * An empty memory for `capacity` exemplars. The first rows put into it decide the kind of all.
 *
 * @throws UsageError `memory-capacity` when the capacity is no whole number from 0 on.
 * @example
 * const memory = exemplarMemory(200)
 * memory.add(task.train, chooseBalanced(task.train, 20, random))
 */
export function exemplarMemory(capacity: number): ExemplarMemory {
  checkCapacity(capacity)
  return memoryOf(capacity)
}

/**
 * The memory whose `state()` this is.
 *
 * @throws CheckpointError `memory-state` when it holds more than its capacity; DataError when tensors and labels do not fit.
 */
export function restoreMemory({ tensors, json }: MemoryState): ExemplarMemory {
  checkCapacity(json.capacity)
  if (tensors === undefined || json.preprocessing === null) return memoryOf(json.capacity)
  const { name, synthetic, classes, preprocessing } = json
  const held = createDataset({ ...tensors, name, synthetic, classes, preprocessing })
  if (samples(held) > json.capacity) {
    throw new CheckpointError(
      'memory-state',
      `A memory for ${json.capacity} exemplars cannot hold the ${samples(held)} of this checkpoint.`,
    )
  }
  const memory = memoryOf(json.capacity)
  memory.add(
    held,
    Int32Array.from({ length: samples(held) }, (_, row) => row),
  )
  return memory
}

function memoryOf(capacity: number): ExemplarMemory {
  let store: Dataset | undefined
  let size = 0
  const put: ExemplarMemory['put'] = (slots, source, rows) => {
    if (slots.length !== rows.length) {
      throw new DataError('memory-slot', `${slots.length} slots were given for ${rows.length} rows.`)
    }
    let filled = size
    for (const slot of slots) {
      if (slot < 0 || slot >= capacity || slot > filled) {
        throw new DataError(
          'memory-slot',
          `Slot ${slot} cannot be filled: the memory has ${capacity} slots, of which 0 to ${filled - 1} are in use.`,
        )
      }
      if (slot === filled) filled++
    }
    if (slots.length === 0) return
    // Nothing is changed before all rows are known to be there.
    takeRows<DType>(source.labels, rows)
    const target = store ?? emptyLike(source, capacity)
    checkKind(target, source)
    for (const [position, slot] of slots.entries()) {
      const row = rows.subarray(position, position + 1)
      copyRows(source.inputs, row, target.inputs, slot)
      copyRows(source.labels, row, target.labels, slot)
    }
    store = { ...target, synthetic: target.synthetic || source.synthetic }
    size = filled
  }
  const contents = () =>
    store && size > 0
      ? subset(
          store,
          Int32Array.from({ length: size }, (_, slot) => slot),
        )
      : undefined
  return {
    capacity,
    get size() {
      return size
    },
    put,
    add(source, rows) {
      put(
        rows.map((_, position) => size + position),
        source,
        rows,
      )
    },
    contents,
    state() {
      const held = contents()
      return {
        tensors: held && { inputs: held.inputs, labels: held.labels },
        json: {
          capacity,
          name: held?.name ?? '',
          synthetic: held?.synthetic ?? false,
          classes: held?.classes ?? [],
          preprocessing: held?.preprocessing ?? null,
        },
      }
    },
  }
}

/** A data set of `capacity` rows of the kind of `source`, values not yet set. */
function emptyLike(source: Dataset, capacity: number): Dataset {
  const allocate = <T extends Tensor>(tensor: T): T => {
    const length = rowCount(tensor) === 0 ? 0 : (tensor.data.length / rowCount(tensor)) * capacity
    const Constructor = tensor.data.constructor as new (length: number) => T['data']
    return { ...tensor, dims: [capacity, ...tensor.dims.slice(1)], data: new Constructor(length) }
  }
  const { labels } = source
  return {
    ...source,
    inputs: allocate(source.inputs),
    labels: labels.type === 'int32' ? allocate(labels) : allocate(labels),
  }
}

function checkKind(store: Dataset, source: Dataset): void {
  for (const key of ['classes', 'preprocessing'] as const) {
    if (JSON.stringify(store[key]) !== JSON.stringify(source[key])) {
      throw new DataError(
        'data-mismatch',
        `Exemplars of '${source.name}' cannot join those of '${store.name}': they differ in ${key}.`,
      )
    }
  }
}

/** @throws UsageError `memory-capacity`. */
export function checkCapacity(capacity: number): void {
  if (!Number.isInteger(capacity) || capacity < 0) {
    throw new UsageError(
      'memory-capacity',
      `A memory's capacity is a whole number from 0 on, but it is ${capacity}.`,
    )
  }
}
