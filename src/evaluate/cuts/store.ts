import { asStored, type Preprocessing } from '../../data/dataset.ts'
import { concatenateRows } from '../../data/rows.ts'
import type { Spill } from '../../data/spilled.ts'
import { DataError } from '../../errors.ts'
import { float16FromFloat32 } from '../../tensor/half.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { inBytes } from './in-bytes.ts'

/** How activations are stored: in 4, 2 or 1 bytes a value. */
export type ActivationStore = 'float32' | 'float16' | 'uint8'

export interface Stored {
  readonly inputs: Tensor
  /** How they become what was stored. */
  readonly preprocessing: Preprocessing
}

/** Takes rows in as they come. */
export interface Collector {
  readonly take: (part: Tensor<'float32'>, from: number) => void
  readonly stored: () => Stored
}

/**
 * @param rows How many there will be.
 * @param width Dims of a row, for when there are none.
 * @param spill Where rows of float32 go that memory has no room for; those of the other forms are small.
 */
export function collector(
  store: ActivationStore,
  rows: number,
  width: readonly number[],
  spill?: Spill,
): Collector {
  if (spill && store === 'float32' && rows > 0) return spilling(spill)
  let inputs: ReturnType<typeof empty> | undefined
  const empty = (dims: readonly number[]) => (store === 'float16' ? float16(dims) : float32(dims))
  const take = (part: Tensor<'float32'>, from: number) => {
    const row = part.dims.slice(1)
    inputs ??= empty([rows, ...row])
    const values = inputs.type === 'float16' ? halves(part.data) : part.data
    inputs.data.set(values, from * sizeOf(row))
  }
  return {
    take,
    stored: () => {
      const all = inputs ?? empty([0, ...width])
      return store === 'uint8' && all.type === 'float32'
        ? inBytes(all)
        : { inputs: all, preprocessing: asStored }
    },
  }
}

function spilling(spill: Spill): Collector {
  const parts: Tensor<'float32'>[] = []
  return {
    take: (part) => {
      parts.push(spill.keep(part))
    },
    stored: () => ({ inputs: concatenateRows(parts), preprocessing: asStored }),
  }
}

const float16 = (dims: readonly number[]): Tensor<'float16'> => ({
  type: 'float16',
  dims,
  data: new Uint16Array(sizeOf(dims)),
})

const LARGEST_HALF = 65504

function halves(values: Float32Array): Uint16Array {
  const large = values.find((value) => Math.abs(value) > LARGEST_HALF)
  if (large === undefined) return float16FromFloat32(values)
  throw new DataError(
    'activations-range',
    `The activations hold ${large}, and float16 ends at ${LARGEST_HALF}. Store them as float32.`,
  )
}
