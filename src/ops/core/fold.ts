import { UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { bfloat16FromFloat32, float16FromFloat32 } from '../../tensor/half.ts'
import { type DType, type Storage, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import type { OpDefinition, ShapeContext } from './define.ts'
import { broadcastDims } from './shapes.ts'

/** Folding is for shape arithmetic; anything larger stays in the graph for the runtime. */
export const LARGEST_FOLD = 65_536

/**
 * A tensor of `type` from plain numbers (int64 is converted; integers are truncated as Cast does; the 16-bit floats are
 * rounded to nearest, ties to even).
 *
 * @throws UsageError `numbers-type` for strings, complex numbers and types of 8 bits or fewer that are packed.
 */
export function fromNumbers(type: DType, dims: readonly number[], values: readonly number[]): Tensor {
  return { type, dims, data: store(type, values) } as Tensor
}

function store(type: DType, values: readonly number[]): Storage[DType] {
  switch (type) {
    case 'int64':
      return BigInt64Array.from(values, (value) => BigInt(Math.trunc(value)))
    case 'uint64':
      return BigUint64Array.from(values, (value) => BigInt(Math.trunc(value)))
    case 'int32':
      return Int32Array.from(values)
    case 'uint32':
      return Uint32Array.from(values)
    case 'int16':
      return Int16Array.from(values)
    case 'int8':
      return Int8Array.from(values)
    case 'uint8':
      return Uint8Array.from(values)
    case 'bool':
      return Uint8Array.from(values, (value) => (value ? 1 : 0))
    case 'uint16':
      return Uint16Array.from(values)
    case 'float64':
      return Float64Array.from(values)
    case 'float32':
      return Float32Array.from(values)
    case 'float16':
      return float16FromFloat32(Float32Array.from(values))
    case 'bfloat16':
      return bfloat16FromFloat32(Float32Array.from(values))
    default:
      throw new UsageError('numbers-type', `No tensor of type ${type} is made from plain numbers.`)
  }
}

const foldable: ReadonlySet<DType> = new Set([
  'float32',
  'float64',
  'int64',
  'int32',
  'bool',
  'uint8',
  'int8',
  'uint32',
])

/** These constants, where all are known, small, and of a type held as plain numbers. */
export function foldableInputs(inputs: readonly (Tensor | undefined)[]): readonly Tensor[] | undefined {
  const known = inputs.filter((input) => input !== undefined)
  const fits = known.every((input) => foldable.has(input.type) && sizeOf(input.dims) <= LARGEST_FOLD)
  return known.length === inputs.length && fits ? known : undefined
}

/** Element-wise folding with broadcasting, on plain numbers. `type` is the output's; default that of the first input. */
export function foldElementwise(
  apply: (...values: number[]) => number,
  type?: (inputs: readonly Tensor[]) => DType,
): NonNullable<OpDefinition['fold']> {
  return (inputs, context) => {
    const given = foldableInputs(inputs)
    const first = given?.[0]
    if (!given || !first) return undefined
    const dims = broadcastDims(context, ...given.map((input) => input.dims))
    const size = sizeOf(dims)
    if (size > LARGEST_FOLD) return undefined
    const columns = given.map((input) => broadcastNumbers(input, dims))
    const values = Array.from({ length: size }, (_, index) =>
      apply(...columns.map((column) => column[index] ?? 0)),
    )
    const out = type ? type(given) : first.type
    return [fromNumbers(out, dims, out.includes('int') ? values.map(Math.trunc) : values)]
  }
}

/** The elements of `tensor` broadcast to `dims`, as plain numbers. */
export function broadcastNumbers(tensor: Tensor, dims: readonly number[]): number[] {
  const source = tensor.data as ArrayLike<number | bigint>
  const lead = dims.length - tensor.dims.length
  const strides = new Array<number>(dims.length).fill(0)
  let stride = 1
  for (let axis = tensor.dims.length - 1; axis >= 0; axis--) {
    const dim = tensor.dims[axis] ?? 1
    strides[axis + lead] = dim === 1 ? 0 : stride
    stride *= dim
  }
  return Array.from({ length: sizeOf(dims) }, (_, index) => {
    let rest = index
    let offset = 0
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const dim = dims[axis] ?? 1
      offset += (rest % dim) * itemAt(strides, axis, 'stride')
      rest = Math.floor(rest / dim)
    }
    return Number(source[offset] ?? 0)
  })
}

/** Folds an op whose only effect on constants is new dims. */
export const foldDims =
  (
    shape: (context: ShapeContext) => readonly { readonly dims: readonly number[] }[],
  ): NonNullable<OpDefinition['fold']> =>
  (inputs, context) => {
    const [first] = inputs
    const [out] = shape(context)
    return first && out ? [{ ...first, dims: out.dims }] : undefined
  }
