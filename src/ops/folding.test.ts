import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../autodiff/builder.ts'
import { ortNode } from '../engine/ort-node.ts'
import { TensorCode } from '../onnx/codes.ts'
import { encodeGraph } from '../onnx/encode.ts'
import type { Attributes } from '../onnx/graph.ts'
import { type DType, float32, int64, sizeOf, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { fromNumbers } from './core/fold.ts'

const engine = ortNode({ threads: 1 })

interface Folding {
  readonly op: string
  readonly inputs: readonly (Tensor | undefined)[]
  readonly attributes?: Attributes
}

async function atRunTime({ op, inputs, attributes = {} }: Folding): Promise<Tensor | undefined> {
  const builder = new GraphBuilder()
  // Axes decide the dims, so they are constants either way.
  const values = inputs.map((tensor, index) => {
    if (!tensor) return undefined
    return op.startsWith('Reduce') && index === 1
      ? builder.constant(tensor)
      : builder.input(`input${index}`, tensor)
  })
  const name = builder.output(builder.op(op, values, attributes), 'out').name
  const executable = await engine.load(encodeGraph(builder.finish('folding')))
  const feeds = new Map(
    inputs.flatMap((tensor, index): [string, Tensor][] =>
      tensor && executable.inputs.includes(`input${index}`) ? [[`input${index}`, tensor]] : [],
    ),
  )
  const result = (await executable.run(feeds)).get(name)
  await executable.dispose()
  return result
}

function whileBuilding({ op, inputs, attributes = {} }: Folding): Tensor | undefined {
  const builder = new GraphBuilder()
  const values = inputs.map((tensor) => tensor && builder.constant(tensor))
  return builder.op(op, values, attributes).constant
}

const floats = float32([6], [-2.5, -1.5, -0.4, 0.5, 1.5, 2.6])
const signed = int64([2, 3], [-7, 2, 5, 7, -2, 3])
const flags: Tensor = fromNumbers('bool', [4], [0, 1, 1, 0])
const others: Tensor = fromNumbers('bool', [4], [0, 0, 1, 1])
const unit = float32([4], [-0.9, -0.3, 0.2, 0.8])
const beyondOne = float32([3], [1.1, 2, 3.5])

const foldings: readonly Folding[] = [
  ...['Abs', 'Neg', 'Sign', 'Floor', 'Ceil', 'Round', 'Exp', 'Reciprocal', 'Sin', 'Cos', 'Tan'].map((op) => ({
    op,
    inputs: [floats],
  })),
  ...['Atan', 'Sinh', 'Cosh', 'Asinh', 'Sigmoid', 'Tanh', 'Relu'].map((op) => ({ op, inputs: [floats] })),
  ...['Asin', 'Acos', 'Atanh'].map((op) => ({ op, inputs: [unit] })),
  ...['Sqrt', 'Log', 'Acosh'].map((op) => ({ op, inputs: [beyondOne] })),
  ...['Abs', 'Neg', 'Sign'].map((op) => ({ op, inputs: [signed] })),
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].flatMap((op) => [
    { op, inputs: [signed, int64([3], [-7, 3, 3])] },
    { op, inputs: [floats, float32([], [0.5])] },
  ]),
  ...['And', 'Or', 'Xor'].map((op) => ({ op, inputs: [flags, others] })),
  { op: 'Not', inputs: [flags] },
  { op: 'Where', inputs: [flags, int64([4], [1, 2, 3, 4]), int64([], [-1])] },
  ...['int32', 'uint8', 'bool', 'float32', 'float64'].map((type) => ({
    op: 'Cast',
    inputs: [int64([3], [0, 2, 5])],
    attributes: { to: TensorCode[type as DType] },
  })),
  { op: 'Cast', inputs: [floats], attributes: { to: 7 } },
  { op: 'CastLike', inputs: [floats, fromNumbers('int32', [1], [0])] },
  { op: 'Clip', inputs: [signed, int64([], [-2]), int64([], [3])] },
  { op: 'Clip', inputs: [signed, undefined, int64([], [3])] },
  { op: 'Clip', inputs: [signed, int64([], [0])] },
  { op: 'Clip', inputs: [floats, float32([], [2]), float32([], [-1])] },
  { op: 'Mod', inputs: [signed, int64([3], [3, -3, 2])] },
  { op: 'Mod', inputs: [signed, int64([3], [3, -3, 2])], attributes: { fmod: 1 } },
  { op: 'Mod', inputs: [floats, float32([], [1.1])], attributes: { fmod: 1 } },
  { op: 'PRelu', inputs: [floats, float32([1], [0.25])] },
  {
    op: 'IsNaN',
    inputs: [float32([3], [0, Number.NaN, Number.POSITIVE_INFINITY])],
  },
  ...[{}, { detect_negative: 0 }, { detect_positive: 0 }].map((attributes) => ({
    op: 'IsInf',
    inputs: [float32([3], [Number.NEGATIVE_INFINITY, Number.NaN, Number.POSITIVE_INFINITY])],
    attributes,
  })),
  ...['ReduceSum', 'ReduceProd', 'ReduceMax', 'ReduceMin'].flatMap((op) => [
    { op, inputs: [signed] },
    { op, inputs: [signed, int64([1], [0])], attributes: { keepdims: 0 } },
    { op, inputs: [signed, int64([1], [-1])] },
    {
      op,
      inputs: [
        int64(
          [2, 2, 3],
          Array.from({ length: 12 }, (_, index) => index - 4),
        ),
        int64([2], [0, 2]),
      ],
    },
    { op, inputs: [signed], attributes: { noop_with_empty_axes: 1 } },
  ]),
  { op: 'Dropout', inputs: [floats, float32([], [0.5])], attributes: { seed: 1 } },
]

const label = ({ op, inputs, attributes }: Folding): string =>
  `${op}(${inputs.map((input) => (input ? `${input.type}[${input.dims}]` : '')).join(', ')}) ${JSON.stringify(attributes ?? {})}`

describe('a node folded while the graph is built', () => {
  it.each(foldings.map((item) => [label(item), item] as const))('equals the runtime: %s', async (_, item) => {
    const folded = whileBuilding(item)
    const computed = await atRunTime(item)
    expect({ type: folded?.type, dims: folded?.dims }).toEqual({
      type: computed?.type,
      dims: [...(computed?.dims ?? [])],
    })
    const expected = computed ? toNumbers(computed) : []
    expect(expected).toHaveLength(sizeOf(folded?.dims ?? []))
    const found = folded ? toNumbers(folded) : []
    found.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5)
    })
  })

  it('is left to the runtime where it divides by zero', () => {
    expect(whileBuilding({ op: 'Mod', inputs: [signed, int64([], [0])] })).toBeUndefined()
  })
})
