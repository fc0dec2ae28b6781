import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import type { Value } from '../../ops/core/define.ts'
import { readSafetensors } from '../../tensor/safetensors.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { predictions } from './classes.ts'
import { crossEntropy, positionCrossEntropy } from './cross-entropy.ts'
import { distillation } from './distillation.ts'
import { binaryCrossEntropy, meanSquaredError } from './element-losses.ts'

const fixture = readSafetensors(
  new Uint8Array(readFileSync(new URL('../../../test/fixtures/torch/losses.safetensors', import.meta.url))),
).tensors
const given = (name: string): Tensor => {
  const tensor = fixture.get(name)
  if (!tensor) throw new Error(`no ${name} in the fixture`)
  return tensor
}
const engine = ortNode({ threads: 1 })
const asFloat = (tensor: Tensor): Tensor => float32(tensor.dims, toNumbers(tensor))
const asInt32 = (values: readonly number[]): Tensor => ({
  type: 'int32',
  dims: [values.length],
  data: Int32Array.from(values),
})

/** Runs a fragment on tensors fed as inputs: its value, and its gradient by the first of them. */
async function run(
  feeds: Record<string, Tensor>,
  fragment: (builder: GraphBuilder, values: Record<string, Value>) => Value,
  differentiate = true,
): Promise<{ value: number[]; gradient: number[] }> {
  const builder = new GraphBuilder()
  const values = Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [name, builder.input(name, tensor)]),
  )
  const result = fragment(builder, values)
  builder.output(result, 'result')
  const [first] = Object.values(values)
  if (differentiate && first) {
    const [gradient] = gradients(builder, result, [first])
    if (gradient) builder.output(gradient, 'gradient')
  }
  const executable = await engine.load(encodeGraph(builder.finish('loss')))
  const used = new Map(Object.entries(feeds).filter(([name]) => executable.inputs.includes(name)))
  const outputs = await executable.run(used)
  await executable.dispose()
  const read = (name: string): number[] => {
    const tensor = outputs.get(name)
    return tensor ? toNumbers(tensor) : []
  }
  return { value: read('result'), gradient: read('gradient') }
}

type Case = (builder: GraphBuilder, values: Record<string, Value>) => Value
const of = (values: Record<string, Value>, name: string): Value => {
  const value = values[name]
  if (!value) throw new Error(`no input ${name}`)
  return value
}
const crossEntropyWith =
  (options: { mask?: string; labelSmoothing?: number }): Case =>
  (builder, values) =>
    crossEntropy(builder, of(values, 'logits'), of(values, 'labels'), {
      ...(options.mask ? { mask: of(values, options.mask) } : {}),
      ...(options.labelSmoothing ? { labelSmoothing: options.labelSmoothing } : {}),
    })

const cases: Readonly<Record<string, Case>> = {
  'cross-entropy': crossEntropyWith({}),
  'cross-entropy-smoothed': crossEntropyWith({ labelSmoothing: 0.1 }),
  'cross-entropy-masked': crossEntropyWith({ mask: 'active' }),
  'cross-entropy-masked-by-row': crossEntropyWith({ mask: 'active-by-row' }),
  'cross-entropy-smoothed-masked': crossEntropyWith({ mask: 'active', labelSmoothing: 0.1 }),
  'binary-cross-entropy': (builder, values) =>
    binaryCrossEntropy(builder, of(values, 'logits'), of(values, 'targets')),
  mse: (builder, values) => meanSquaredError(builder, of(values, 'logits'), of(values, 'values')),
  distillation: (builder, values) =>
    distillation(builder, {
      student: of(values, 'logits'),
      teacher: of(values, 'teacher'),
      temperature: 2,
    }),
  'distillation-masked': (builder, values) =>
    distillation(builder, {
      student: of(values, 'logits'),
      teacher: of(values, 'teacher'),
      temperature: 2,
      mask: of(values, 'active'),
    }),
}

const feeds = {
  logits: given('input/logits'),
  labels: asInt32(toNumbers(given('input/labels'))),
  active: asFloat(given('input/active')),
  'active-by-row': asFloat(given('input/active-by-row')),
  targets: asFloat(given('input/targets')),
  values: given('input/values'),
  teacher: given('input/teacher'),
}

const close = (found: readonly number[], expected: readonly number[], tolerance = 1e-6): void => {
  expect(found.length).toBe(expected.length)
  for (const [index, value] of expected.entries()) {
    expect(Math.abs((found[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(value)),
    )
  }
}

describe('losses', () => {
  it('are all those that the fixture has', () => {
    const names = [...fixture.keys()].flatMap((key) => (key.startsWith('loss/') ? [key.slice(5)] : []))
    expect(Object.keys(cases).sort()).toEqual(names.sort())
  })

  it.each(Object.entries(cases))('agree with PyTorch in value and gradient: %s', async (name, fragment) => {
    const { value, gradient } = await run(feeds, fragment)
    close(value, toNumbers(given(`loss/${name}`)))
    close(gradient, toNumbers(given(`gradient/${name}`)))
  })

  it('take int64 labels, too', async () => {
    const labels = given('input/labels')
    const { value } = await run({ ...feeds, labels }, crossEntropyWith({}))
    close(value, toNumbers(given('loss/cross-entropy')))
  })

  it('stay finite for logits of any size', async () => {
    const logits = float32([2, 3], [1e4, -1e4, 0, -300, 300, 200])
    const labels = asInt32([1, 1])
    const sharp = await run({ logits, labels }, crossEntropyWith({}))
    close(sharp.value, [1e4])
    close(sharp.gradient, [0.5, -0.5, 0, 0, 0, 0])
    const targets = float32([2, 3], [0, 1, 1, 0, 1, 0])
    const binary = await run({ logits, targets }, (builder, values) =>
      binaryCrossEntropy(builder, of(values, 'logits'), of(values, 'targets')),
    )
    close(binary.value, [(1e4 + 1e4 + Math.log(2) + 0 + 0 + 200) / 6])
    close(binary.gradient, [1 / 6, -1 / 6, -0.5 / 6, 0, 0, 1 / 6])
  })

  it('weigh samples before the mean over the batch', async () => {
    const weights = float32([5], [0, 2, 0, 0, 0.5])
    const { value, gradient } = await run({ ...feeds, weights }, (builder, values) =>
      crossEntropy(builder, of(values, 'logits'), of(values, 'labels'), { weights: of(values, 'weights') }),
    )
    const logits = toNumbers(feeds.logits)
    const labels = toNumbers(feeds.labels)
    const nll = labels.map((label, row) => {
      const at = logits.slice(row * 6, row * 6 + 6)
      return Math.log(at.reduce((sum, x) => sum + Math.exp(x), 0)) - (at[label] ?? 0)
    })
    close(value, [((nll[1] ?? 0) * 2 + (nll[4] ?? 0) * 0.5) / 5])
    close(gradient.slice(0, 6), [0, 0, 0, 0, 0, 0])
  })

  it('multiply by the squared temperature when asked', async () => {
    const { value } = await run(feeds, (builder, values) =>
      distillation(builder, {
        student: of(values, 'logits'),
        teacher: of(values, 'teacher'),
        temperature: 2,
        scaleByTemperature: true,
      }),
    )
    close(value, [4 * (toNumbers(given('loss/distillation'))[0] ?? 0)])
  })

  it('average binary cross-entropy over the classes of the mask', async () => {
    const logits = float32([2, 3], [1, 50, -1, 2, -50, 0])
    const targets = float32([2, 3], [1, 0, 0, 0, 1, 1])
    const mask = float32([3], [1, 0, 1])
    const { value, gradient } = await run({ logits, targets, mask }, (builder, values) =>
      binaryCrossEntropy(builder, of(values, 'logits'), of(values, 'targets'), { mask: of(values, 'mask') }),
    )
    const soft = (x: number): number => Math.log1p(Math.exp(x))
    close(value, [(soft(-1) + soft(-1) + soft(2) + soft(0)) / 4])
    expect([gradient[1], gradient[4]].map(Math.abs as (x: number | undefined) => number)).toEqual([0, 0])
  })

  it.each([
    ['a temperature of 0', 'temperature', { temperature: 0 }],
    ['a negative temperature', 'temperature', { temperature: -1 }],
  ])('refuse %s', (_, code, options) => {
    const builder = new GraphBuilder()
    const logits = builder.input('logits', { type: 'float32', dims: [2, 3] })
    expect(() => distillation(builder, { student: logits, teacher: logits, ...options })).toThrow(
      expect.objectContaining({ code }),
    )
  })

  it('refuse a smoothing that is no share', () => {
    const builder = new GraphBuilder()
    const logits = builder.input('logits', { type: 'float32', dims: [2, 3] })
    const labels = builder.input('labels', { type: 'int32', dims: [2] })
    expect(() => crossEntropy(builder, logits, labels, { labelSmoothing: 1 })).toThrow(
      expect.objectContaining({ code: 'label-smoothing' }),
    )
  })
})

describe('predictions', () => {
  const logits = float32([3, 4], [1, 5, 2, 3, 9, 0, 0, 8, 4, 4, 1, 0])
  it('are the highest logits', async () => {
    const { value } = await run(
      { logits },
      (builder, values) => predictions(builder, of(values, 'logits')),
      false,
    )
    expect(value).toEqual([1, 0, 0])
  })
  it('are the highest logits of the mask', async () => {
    const mask = float32([4], [0, 0, 1, 1])
    const { value } = await run(
      { logits, mask },
      (builder, values) => predictions(builder, of(values, 'logits'), of(values, 'mask')),
      false,
    )
    expect(value).toEqual([3, 3, 2])
  })
})

describe('weights by row', () => {
  const logits = float32([3, 2], [0.5, -1, 2, 0.25, -0.75, 1.5])
  const targets = float32([3, 2], [1, 0, 0, 1, 1, 1])
  const weights = float32([3], [2, 0, 0.5])
  const mask = float32([2], [0, 1])
  const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z))
  const bce = (z: number, t: number): number =>
    -(t * Math.log(sigmoid(z)) + (1 - t) * Math.log(1 - sigmoid(z)))
  const cells = Array.from(logits.data, (z, at) => ({
    z,
    t: targets.data[at] ?? 0,
    w: weights.data[at >> 1] ?? 0,
    taking: at % 2 === 1,
  }))

  it('multiply each row of the squared error and its gradient', async () => {
    const { value, gradient } = await run(
      { logits, targets, weights },
      (emit, { logits, targets, weights }) =>
        meanSquaredError(emit, logits as Value, targets as Value, { weights: weights as Value }),
    )
    expect(value[0]).toBeCloseTo(
      cells.reduce((sum, { z, t, w }) => sum + (w * (z - t) ** 2) / 6, 0),
      6,
    )
    cells.forEach(({ z, t, w }, at) => {
      expect(gradient[at]).toBeCloseTo((w * 2 * (z - t)) / 6, 6)
    })
  })

  it('multiply each row of the binary cross-entropy and its gradient', async () => {
    const { value, gradient } = await run(
      { logits, targets, weights },
      (emit, { logits, targets, weights }) =>
        binaryCrossEntropy(emit, logits as Value, targets as Value, { weights: weights as Value }),
    )
    expect(value[0]).toBeCloseTo(
      cells.reduce((sum, { z, t, w }) => sum + (w * bce(z, t)) / 6, 0),
      6,
    )
    cells.forEach(({ z, t, w }, at) => {
      expect(gradient[at]).toBeCloseTo((w * (sigmoid(z) - t)) / 6, 6)
    })
  })

  it('go with a mask: the mean is over the elements that take part', async () => {
    const { value } = await run(
      { logits, targets, weights, mask },
      (emit, { logits, targets, weights, mask }) =>
        binaryCrossEntropy(emit, logits as Value, targets as Value, {
          weights: weights as Value,
          mask: mask as Value,
        }),
    )
    const taking = cells.filter(({ taking }) => taking)
    expect(value[0]).toBeCloseTo(
      taking.reduce((sum, { z, t, w }) => sum + (w * bce(z, t)) / 3, 0),
      6,
    )
  })
})

describe('the loss of positions', () => {
  const random = Array.from({ length: 24 }, (_, at) => Math.sin(3 * at))
  const logits = float32([2, 3, 4], random)
  const tags = (values: readonly number[]): Tensor => ({ ...asInt32(values), dims: [2, 3] })
  const row = (position: number) => random.slice(position * 4, position * 4 + 4)
  const nll = (position: number, label: number) =>
    Math.log(row(position).reduce((sum, logit) => sum + Math.exp(logit), 0)) - (row(position)[label] ?? 0)

  it('is a mean over those with a label, each with its sample’s weight', async () => {
    const feeds = { logits, labels: tags([1, -100, 3, 0, -100, -100]), weights: float32([2, 1], [0.5, 3]) }
    const plain = await run(feeds, (builder, { logits: l, labels }) =>
      l && labels ? positionCrossEntropy(builder, l, labels) : fail(),
    )
    expect(plain.value[0]).toBeCloseTo((nll(0, 1) + nll(2, 3) + nll(3, 0)) / 3, 5)
    expect(plain.gradient.slice(4, 8).every((value) => value === 0)).toBe(true)
    const weighted = await run(feeds, (builder, { logits: l, labels, weights }) =>
      l && labels && weights ? positionCrossEntropy(builder, l, labels, { weights }) : fail(),
    )
    expect(weighted.value[0]).toBeCloseTo((0.5 * nll(0, 1) + 0.5 * nll(2, 3) + 3 * nll(3, 0)) / 4, 5)
  })

  it('goes over the classes of its sample’s mask', async () => {
    const feeds = {
      logits,
      labels: tags([1, -100, -100, 2, -100, -100]),
      mask: float32([2, 4], [1, 1, 0, 0, 0, 0, 1, 1]),
    }
    const found = await run(feeds, (builder, { logits: l, labels, mask }) =>
      l && labels && mask ? positionCrossEntropy(builder, l, labels, { mask }) : fail(),
    )
    const among = (position: number, label: number, other: number) =>
      Math.log(1 + Math.exp((row(position)[other] ?? 0) - (row(position)[label] ?? 0)))
    expect(found.value[0]).toBeCloseTo((among(0, 1, 0) + among(3, 2, 3)) / 2, 5)
  })

  it('is 0 where nothing has a label, with no gradient', async () => {
    const feeds = { logits, labels: tags(new Array<number>(6).fill(-100)) }
    const found = await run(feeds, (builder, { logits: l, labels }) =>
      l && labels ? positionCrossEntropy(builder, l, labels) : fail(),
    )
    expect(found.value).toEqual([0])
    expect(found.gradient.every((value) => value === 0)).toBe(true)
  })

  it('refuses labels that do not stand beside the logits', () => {
    const builder = new GraphBuilder()
    const l = builder.input('logits', logits)
    const labels = builder.input('labels', asInt32([1, 2]))
    expect(() => positionCrossEntropy(builder, l, labels)).toThrow(/labels|Labels/)
  })
})

const fail = (): never => {
  throw new Error('an input is missing')
}
