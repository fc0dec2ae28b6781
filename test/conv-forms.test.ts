import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { convolutionForm, inputGradientForm, weightGradientForm } from '../src/ops/conv/conv-forms.ts'
import {
  byReversedKernel,
  byTransposedConvolution,
  type InputGradient,
} from '../src/ops/conv/conv-input-gradient.ts'
import {
  byChannelMatrices,
  byChannelMatricesBack,
  byChannelProducts,
  byOneProduct,
  byOneProductBack,
  byRowProducts,
  byUnfoldingMatrix,
} from '../src/ops/conv/conv-matrix.ts'
import {
  byGathering,
  bySamples,
  byShifting,
  bySwappedConvolution,
  byUnfolding,
  type WeightGradient,
} from '../src/ops/conv/conv-weight-gradient.ts'
import { padsOf, type WindowAxis } from '../src/ops/conv/windows.ts'
import type { Value } from '../src/ops/core/define.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../src/tensor/tensor.ts'

const axis = (input: number, more: Partial<WindowAxis> = {}): WindowAxis => {
  const shape = { input, kernel: 3, stride: 1, dilation: 1, before: 1, after: 1, ...more }
  const room = shape.input + shape.before + shape.after - (shape.kernel - 1) * shape.dilation - 1
  return { ...shape, output: Math.floor(room / shape.stride) + 1 }
}

const random = randomStream(1, 'conv-forms')
const drawn = (dims: readonly number[]): Tensor =>
  float32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform() - 0.5),
  )

async function evaluate(
  tensors: readonly Tensor[],
  emit: (builder: GraphBuilder, values: readonly Value[]) => Value,
): Promise<{ dims: readonly number[]; values: number[] }> {
  const builder = new GraphBuilder()
  const inputs = tensors.map((tensor, at) => builder.input(`input${at}`, tensor))
  const name = builder.output(emit(builder, inputs), 'result').name
  const executable = await ortNode({ threads: 1 }).load(encodeGraph(builder.finish('form')))
  const result = (
    await executable.run(
      new Map(inputs.flatMap((input, at) => (tensors[at] ? [[input.name, tensors[at]]] : []))),
    )
  ).get(name)
  await executable.dispose()
  return { dims: result?.dims ?? [], values: result ? toNumbers(result) : [] }
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found.length).toBe(expected.length)
  for (const [at, value] of found.entries()) expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 4)
}

const geometries: readonly [string, readonly WindowAxis[]][] = [
  ['same size', [axis(6), axis(5)]],
  ['asymmetric pads', [axis(6, { before: 2, after: 0 }), axis(5, { before: 0, after: 2 })]],
  ['no padding', [axis(6, { before: 0, after: 0 }), axis(7, { before: 0, after: 0, kernel: 2 })]],
  ['dilations', [axis(7, { dilation: 2 }), axis(9, { dilation: 3, before: 3 })]],
  ['stride 2 with a rest', [axis(6, { stride: 2 }), axis(7, { stride: 3 })]],
  ['one spatial dim', [axis(9, { before: 2 })]],
  ['three spatial dims', [axis(3), axis(4, { stride: 2 }), axis(3, { kernel: 2 })]],
]

describe.each(geometries)('%s', (_, axes) => {
  const x = drawn([3, 4, ...axes.map(({ input }) => input)])
  const dy = drawn([3, 5, ...axes.map(({ output }) => output)])
  const w = drawn([5, 4, ...axes.map(({ kernel }) => kernel)])
  const unit = axes.every(({ stride }) => stride === 1)

  it('gives one weight gradient by every form', async () => {
    const forms: WeightGradient[] = [byGathering, bySamples, bySwappedConvolution, byUnfoldingMatrix]
    if (unit && axes.length === 2) forms.push(byShifting)
    const run = (form: WeightGradient) =>
      evaluate([x, dy], (emit, [a, b]) => (a && b ? form(emit, a, b, axes, 1) : never()))
    const expected = await run(byUnfolding)
    expect(expected.dims).toEqual(w.dims)
    for (const form of forms) {
      const found = await run(form)
      expect(found.dims).toEqual(expected.dims)
      expectClose(found.values, expected.values)
    }
  })

  it('gives one input gradient by every form', async () => {
    const run = (form: InputGradient) =>
      evaluate([dy, w], (emit, [a, b]) => (a && b ? form(emit, a, b, axes, 1) : never()))
    const expected = await run(byTransposedConvolution)
    expect(expected.dims).toEqual(x.dims)
    for (const form of [byOneProductBack, ...(unit ? [byReversedKernel] : [])]) {
      const found = await run(form)
      expect(found.dims).toEqual(expected.dims)
      expectClose(found.values, expected.values)
    }
  })

  it('convolves by one product as Conv does', async () => {
    const found = await evaluate([x, w], (emit, [a, b]) =>
      a && b ? byOneProduct(emit, a, b, axes, 1) : never(),
    )
    const plain = await evaluate([x, w], (emit, [a, b]) => convolved(emit, [a, b], axes, 1))
    expect(found.dims).toEqual(plain.dims)
    expectClose(found.values, plain.values)
  })

  it('convolves channel by channel, there and back', async () => {
    const channels = drawn([4, 1, ...axes.map(({ kernel }) => kernel)])
    const back = drawn([3, 4, ...axes.map(({ output }) => output)])
    const plain = await evaluate([x, channels], (emit, [a, b]) => convolved(emit, [a, b], axes, 4))
    const found = await evaluate([x, channels], (emit, [a, b]) =>
      a && b ? byChannelMatrices(emit, a, b, axes, 4) : never(),
    )
    expectClose(found.values, plain.values)
    const [dx, otherDx] = await Promise.all(
      [byTransposedConvolution, byChannelMatricesBack].map((form) =>
        evaluate([back, channels], (emit, [a, b]) => (a && b ? form(emit, a, b, axes, 4) : never())),
      ),
    )
    expectClose(otherDx?.values ?? [], dx?.values ?? [0])
    const [dw, ...others] = await Promise.all(
      [byUnfolding, byChannelProducts, byRowProducts].map((form) =>
        evaluate([x, back], (emit, [a, b]) => (a && b ? form(emit, a, b, axes, 4) : never())),
      ),
    )
    for (const other of others) {
      expect(other.dims).toEqual(channels.dims)
      expectClose(other.values, dw?.values ?? [0])
    }
  })
})

/** Conv as a runtime's own op, whatever form the builder would choose. */
function convolved(
  emit: GraphBuilder,
  inputs: readonly (Value | undefined)[],
  axes: readonly WindowAxis[],
  groups: number,
): Value {
  const [x, w] = inputs
  if (!x || !w) return never()
  const dims = [x.dims[0] ?? 1, w.dims[0] ?? 1, ...axes.map(({ output }) => output)]
  const [y] = emit.raw('Conv', inputs, [{ type: 'float32', dims }], {
    pads: padsOf(axes),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    group: groups,
  })
  return y ?? never()
}

function never(): never {
  throw new Error('an input is missing')
}

describe('the choice by shape', () => {
  const image = [axis(32), axis(32)]
  const batch = [16, 32, 32, 32]
  it('never shifts or reverses where the stride is not 1', () => {
    const strided = [axis(32, { stride: 2 }), axis(32, { stride: 2 })]
    expect(weightGradientForm(batch, [32, 32, 3, 3], strided, 1)).toBe(byGathering)
    expect(inputGradientForm(batch, [32, 32, 3, 3], strided, 1)).toBe(byTransposedConvolution)
  })
  it('takes forms that know groups where there are any', () => {
    expect(weightGradientForm(batch, [32, 16, 3, 3], image, 2)).toBe(byUnfolding)
  })
  it('makes no index larger than the data is worth', () => {
    expect(weightGradientForm([1, 32, 512, 512], [64, 32, 3, 3], [axis(512), axis(512)], 1)).toBe(byUnfolding)
  })
  it('shifts for few outputs on large images', () => {
    expect(weightGradientForm(batch, [32, 32, 3, 3], image, 1)).toBe(byShifting)
  })
  it('makes one product of few positions, unless there is but one sample', () => {
    const small = [axis(2), axis(2)]
    expect(convolutionForm([16, 512, 2, 2], [512, 512, 3, 3], small, 1)).toBe(byOneProduct)
    expect(convolutionForm([1, 512, 2, 2], [512, 512, 3, 3], small, 1)).toBeUndefined()
    expect(convolutionForm(batch, [32, 32, 3, 3], image, 1)).toBeUndefined()
  })
  it('takes depthwise convolutions by channels, large ones by rows', () => {
    const small = [axis(4), axis(4)]
    expect(convolutionForm([16, 32, 4, 4], [32, 1, 3, 3], small, 32)).toBe(byChannelMatrices)
    expect(inputGradientForm([16, 32, 4, 4], [32, 1, 3, 3], small, 32)).toBe(byChannelMatricesBack)
    expect(weightGradientForm([16, 32, 4, 4], [32, 1, 3, 3], small, 32)).toBe(byChannelProducts)
    expect(weightGradientForm(batch, [32, 1, 3, 3], image, 32)).toBe(byRowProducts)
  })
})
