import type { ImportanceSummary } from '../../measure/results.ts'
import type { MethodState } from '../../methods/method.ts'
import { type Tensor, toNumbers } from '../../tensor/tensor.ts'

/**
 * Where a method's importance lies: the mass of each parameter tensor, and, where the first of them reads flat images
 * [outputs, pixels], that of each pixel. Undefined for methods that keep none.
 *
 * @param names of the parameters, in the model's order
 * @param sampleDims dims of one sample: [28, 28] or [1, 28, 28] for grey images
 */
export function importanceSummary(
  state: MethodState,
  names: Iterable<string>,
  sampleDims: readonly number[],
): ImportanceSummary | undefined {
  const byName = new Map(
    [...state.tensors].flatMap(([key, tensor]) => {
      // A composition puts its parts' numbers in front: "0/importance/fc.weight".
      const name = /^(?:\d+\/)*importance\/(.+)$/.exec(key)?.[1]
      return name === undefined ? [] : [[name, tensor] as const]
    }),
  )
  // A checkpoint keeps tensors in an order of its own.
  const found = [...names].flatMap((name) => {
    const tensor = byName.get(name)
    return tensor ? [{ name, tensor }] : []
  })
  if (found.length === 0) return undefined
  const layers = found.map(({ name, tensor }) => ({
    name,
    mass: toNumbers(tensor).reduce((sum: number, value) => sum + value, 0),
    parameters: tensor.data.length,
  }))
  const pixels = pixelMass(found.find(({ tensor }) => tensor.dims.length > 1)?.tensor, sampleDims)
  return { layers, ...(pixels ? { pixels } : {}) }
}

function pixelMass(weight: Tensor | undefined, sampleDims: readonly number[]): ImportanceSummary['pixels'] {
  const [height, width] = sampleDims.slice(-2)
  if (!weight || sampleDims.length < 2 || height === undefined || width === undefined) return undefined
  const grey = sampleDims.slice(0, -2).every((dim) => dim === 1)
  if (!grey || weight.dims.length !== 2 || weight.dims[1] !== height * width) return undefined
  const values = new Array<number>(height * width).fill(0)
  toNumbers(weight).forEach((mass, index) => {
    const pixel = index % values.length
    values[pixel] = (values[pixel] ?? 0) + mass
  })
  return { width, height, values }
}
