import { describe, expect, it } from 'vitest'
import { engine } from '../../../test/op-cases.ts'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { required } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { fromNumbers, mul, reduceSum } from '../core/index.ts'

const random = randomStream(1, 'dynamic')
const draw = (dims: readonly number[]): Tensor<'float32'> => {
  const tensor = float32(dims)
  random.fillNormal(tensor.data, 0, 1)
  return tensor
}
const whole = (type: 'int8' | 'uint8', dims: readonly number[], low: number, high: number): Tensor =>
  fromNumbers(
    type,
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () =>
      Math.floor(low + (high - low) * random.uniform()),
    ),
  )

interface Layer {
  readonly weight: Tensor
  readonly scale: Tensor
  readonly zeroPoint?: Tensor
}

function productIn(builder: GraphBuilder, x: Tensor, { weight, scale, zeroPoint }: Layer) {
  const input = builder.input('x', x)
  const fixed = [weight, scale, ...(zeroPoint ? [zeroPoint] : [])].map((tensor) => builder.constant(tensor))
  return { input, output: builder.op('DynamicQuantizeMatMul', [input, ...fixed]) }
}

describe('a product that rounds what it multiplies', () => {
  const layers = {
    'int8, one scale': { weight: whole('int8', [5, 3], -127, 128), scale: float32([], [0.02]) },
    'one scale in a list': { weight: whole('int8', [5, 3], -127, 128), scale: float32([1], [0.02]) },
    'uint8, a zero point': {
      ...{ weight: whole('uint8', [5, 3], 0, 256), scale: float32([], [0.01]) },
      zeroPoint: whole('uint8', [], 100, 150),
    },
    'uint8, a scale and a zero point a column': {
      ...{ weight: whole('uint8', [5, 3], 0, 256), scale: float32([3], [0.01, 0.02, 0.03]) },
      zeroPoint: whole('uint8', [3], 100, 150),
    },
    'a scale a column, one zero point': {
      ...{ weight: whole('int8', [5, 3], -127, 128), scale: float32([3], [0.01, 0.02, 0.03]) },
      zeroPoint: whole('int8', [], -5, 5),
    },
  } satisfies Record<string, Layer>

  it.each<[string, Layer]>(Object.entries(layers))(
    'has the gradient of the product with the weight in floats: %s',
    async (_, layer) => {
      const [x, seed] = [draw([2, 4, 5]), draw([2, 4, 3])]
      const builder = new GraphBuilder()
      const { input, output } = productIn(builder, x, layer)
      const loss = reduceSum(builder, mul(builder, output, builder.constant(seed)), [0, 1, 2], false)
      const [dx] = gradients(builder, loss, [input])
      if (!dx) throw new Error('no gradient')
      builder.output(dx, 'dx')
      const executable = await engine.load(encodeGraph(builder.finish('gradient')))
      const found = await executable.run(new Map(executable.inputs.includes('x') ? [['x', x]] : []))
      await executable.dispose()
      const [weight, scales, zeros] = [layer.weight, layer.scale, layer.zeroPoint].map((tensor) =>
        tensor ? toNumbers(tensor) : new Float64Array(1),
      )
      const of = (values: ArrayLike<number> | undefined, column: number): number =>
        values?.[values.length === 1 ? 0 : column] ?? Number.NaN
      const wanted = Array.from(x.data, (_, at) => {
        const [row, place] = [Math.floor(at / 5), at % 5]
        return [0, 1, 2].reduce(
          (sum, column) =>
            sum +
            (seed.data[row * 3 + column] ?? Number.NaN) *
              ((weight?.[place * 3 + column] ?? Number.NaN) - of(zeros, column)) *
              of(scales, column),
          0,
        )
      })
      const values = toNumbers(required(found, 'dx', 'gradient'))
      for (const [at, value] of wanted.entries()) expect(values[at]).toBeCloseTo(value, 4)
    },
  )

  it.each<[string, Layer, RegExp]>([
    [
      'zero points of another number',
      { ...layers['uint8, a zero point'], zeroPoint: whole('uint8', [2], 0, 9) },
      /scales and zero points are one for all, or \[3\]/,
    ],
    [
      'scales of another number',
      { weight: whole('int8', [5, 3], -9, 9), scale: float32([5], [1, 1, 1, 1, 1]) },
      /scales and zero points are one for all, or \[3\]/,
    ],
    [
      'zero points of another type',
      { ...layers['int8, one scale'], zeroPoint: whole('uint8', [], 0, 9) },
      /zero points of the type of the weight/,
    ],
    ['a weight of floats', { weight: draw([5, 3]), scale: float32([], [1]) }, /matrix of int8 or uint8/],
  ])('refuses %s', (_, layer, message) => {
    expect(() => productIn(new GraphBuilder(), draw([2, 5]), layer)).toThrow(
      expect.objectContaining({ code: 'shape-mismatch', message: expect.stringMatching(message) }),
    )
  })
})
