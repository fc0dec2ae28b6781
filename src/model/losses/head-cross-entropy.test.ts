import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { ints, mul, scalar, transpose, type Value } from '../../ops/core/index.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, sizeOf, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { crossEntropy, positionCrossEntropy } from './cross-entropy.ts'
import { distillation } from './distillation.ts'
import { headCrossEntropy } from './head-cross-entropy.ts'
import { headDistillation } from './head-distillation.ts'
import { linearHead } from './linear-head.ts'

const engine = ortNode({ threads: 1 })
const [samples, positions, width, classes] = [2, 5, 3, 7]

function drawn(name: string, dims: readonly number[]): Tensor<'float32'> {
  const tensor = float32(dims)
  randomStream(3, name).fillUniform(tensor.data, -1, 1)
  return tensor
}

interface Form {
  readonly layout: 'out-in' | 'in-out'
  readonly labels: Tensor<'int32'>
  readonly weights?: Tensor
  /** Rows of the batch that count. */
  readonly rows?: readonly [number, number]
}

/** Loss and gradients of features and weight, by the plain form or by the head's own. */
async function found(
  form: Form,
  how: (builder: GraphBuilder, given: { logits: Value; labels: Value; weights: Value | undefined }) => Value,
) {
  const builder = new GraphBuilder()
  const { layout, labels, weights, rows } = form
  const sequence = labels.dims.length === 2
  const dims = sequence ? [samples, positions, width] : [samples * positions, width]
  const feeds = new Map<string, Tensor>([
    ['x', drawn('x', dims)],
    ['w', drawn('w', layout === 'out-in' ? [classes, width] : [width, classes])],
    ['labels', labels],
    ...(weights ? [['weights', weights] as const] : []),
  ])
  const input = (name: string): Value => {
    const tensor = feeds.get(name)
    if (!tensor) throw new Error(name)
    return builder.input(name, tensor)
  }
  const [x, w] = [input('x'), input('w')]
  const part = (value: Value): Value =>
    rows
      ? builder.op('Slice', [value, ints(builder, [rows[0]]), ints(builder, [rows[1]]), ints(builder, [0])])
      : value
  const logits = builder.op('MatMul', [x, layout === 'out-in' ? transpose(builder, w, [1, 0]) : w])
  const loss = how(builder, {
    logits: part(logits),
    labels: part(input('labels')),
    weights: weights && part(input('weights')),
  })
  // Not the loss itself: its gradient is a number then.
  const [dx, dw] = gradients(builder, mul(builder, loss, scalar(builder, 3, loss)), [x, w])
  if (!dx) throw new Error('no gradient')
  builder.output(loss, 'loss')
  builder.output(dx, 'dx')
  if (dw) builder.output(dw, 'dw')
  const graph = builder.finish('loss')
  const executable = await engine.load(encodeGraph(graph))
  const outputs = await executable.run(
    new Map([...feeds].filter(([name]) => executable.inputs.includes(name))),
  )
  await executable.dispose()
  const largest = Math.max(...graph.nodes.map(({ op }) => Number(op === 'Scan')))
  return {
    values: new Map([...outputs].map(([name, tensor]) => [name, toNumbers(tensor)])),
    inParts: largest === 1,
  }
}

const labelled = (dims: readonly number[], ignored: boolean): Tensor<'int32'> => ({
  ...{ type: 'int32', dims },
  data: Int32Array.from({ length: sizeOf(dims) }, (_, at) =>
    ignored && at % 4 === 1 ? -100 : (3 * at + 1) % classes,
  ),
})

const forms: readonly (readonly [string, Form])[] = [
  [
    'positions, some of which do not count',
    { layout: 'in-out', labels: labelled([samples, positions], true) },
  ],
  ['a table that is the head', { layout: 'out-in', labels: labelled([samples, positions], true) }],
  ['rows', { layout: 'in-out', labels: labelled([samples * positions], false) }],
  [
    'weights a sample',
    {
      layout: 'out-in',
      labels: labelled([samples, positions], true),
      weights: float32([samples, 1], [0.5, 1.5]),
    },
  ],
  [
    'weights a row',
    {
      ...{ layout: 'in-out', labels: labelled([10], false) },
      weights: float32([10, 1], [0, 1, 2, 1, 0.5, 1, 1, 1, 3, 1]),
    },
  ],
  ['a part of the batch', { layout: 'out-in', labels: labelled([samples, positions], false), rows: [1, 2] }],
  [
    'no position that counts',
    {
      layout: 'in-out',
      labels: { ...labelled([samples, positions], false), data: new Int32Array(10).fill(-100) },
    },
  ],
]

describe.each(forms)('the cross-entropy of a head: %s', (_, form) => {
  it.each([
    ['at once', 1000],
    ['four rows at a time, and what is left', 4 * classes],
    ['row by row', 1],
  ])('is the plain one, and so are its gradients, %s', async (_how, most) => {
    const plain = await found(form, (builder, { logits, labels, weights }) =>
      (labels.dims.length === 1 ? crossEntropy : positionCrossEntropy)(
        builder,
        logits,
        labels,
        weights ? { weights } : {},
      ),
    )
    const own = await found(form, (builder, { logits, labels, weights }) => {
      const head = linearHead(builder, logits)
      if (!head) throw new Error('no head')
      return headCrossEntropy(builder, head, labels, { weights, most })
    })
    expect(own.inParts).toBe(most < 1000)
    for (const [name, values] of plain.values) {
      expect(own.values.get(name)?.length).toBe(values.length)
      values.forEach((value, at) => {
        expect(own.values.get(name)?.[at]).toBeCloseTo(value, 5)
      })
    }
  })
})

it('spares a frozen head its gradient', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', { type: 'float32', dims: [10, width] })
  const labels = builder.input('labels', { type: 'int32', dims: [10] })
  const weights = [
    builder.constant(drawn('w', [width, classes])),
    builder.input('w', { type: 'float32', dims: [width, classes] }),
  ]
  const states = weights.map((weight) => {
    const head = linearHead(builder, builder.op('MatMul', [x, weight]))
    if (!head) throw new Error('no head')
    const loss = headCrossEntropy(builder, head, labels, { most: 4 * classes })
    return gradients(builder, loss, [x, weight]).map((gradient) => gradient !== undefined)
  })
  expect(states).toEqual([
    [true, false],
    [true, true],
  ])
})

describe('the distillation of heads', () => {
  const [R, T] = [10, 2]
  /** Loss and gradients of the student's features and weight. */
  async function distilled(how: 'plain' | number, scaled: boolean, weighted: boolean) {
    const builder = new GraphBuilder()
    const feeds = new Map<string, Tensor>([
      ['x', drawn('x', [R, width])],
      ['w', drawn('w', [classes, width])],
      ['tx', drawn('tx', [R, width + 1])],
      ['tw', drawn('tw', [width + 1, classes])],
      ['weights', drawn('weights', [R])],
    ])
    const [x, w, tx, tw, given] = [...feeds].map(([name, tensor]) => builder.input(name, tensor))
    if (!x || !w || !tx || !tw) throw new Error('no input')
    const student = builder.op('MatMul', [x, transpose(builder, w, [1, 0])])
    const teacher = builder.op('MatMul', [tx, tw])
    const weights = weighted ? given : undefined
    const [own, other] = [linearHead(builder, student), linearHead(builder, teacher)]
    if (!own || !other) throw new Error('no head')
    const loss =
      how === 'plain'
        ? distillation(builder, { student, teacher, temperature: T, scaleByTemperature: scaled, weights })
        : headDistillation(builder, {
            ...{ student: own, teacher: other, temperature: T, factor: scaled ? T ** 2 : 1 },
            ...{ weights, most: how },
          })
    const [dx, dw] = gradients(builder, mul(builder, loss, scalar(builder, 3, loss)), [x, w])
    if (!dx || !dw) throw new Error('no gradient')
    for (const [name, value] of Object.entries({ loss, dx, dw })) builder.output(value, name)
    const executable = await engine.load(encodeGraph(builder.finish('distillation')))
    const outputs = await executable.run(
      new Map([...feeds].filter(([name]) => executable.inputs.includes(name))),
    )
    await executable.dispose()
    return new Map([...outputs].map(([name, tensor]) => [name, toNumbers(tensor)]))
  }

  it.each([
    [1000, false, false],
    [4 * classes, true, false],
    [3 * classes, false, true],
    [1, true, true],
  ])('is the plain one, and so are its gradients: %i logits at a time', async (most, scaled, weighted) => {
    const plain = await distilled('plain', scaled, weighted)
    const own = await distilled(most, scaled, weighted)
    for (const [name, values] of plain) {
      values.forEach((value, at) => {
        expect(own.get(name)?.[at]).toBeCloseTo(value, 5)
      })
    }
  })

  it('is taken where there are many classes, through what only moves rows', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', { type: 'float32', dims: [3, 2, 4] })
    const w = builder.input('w', { type: 'float32', dims: [4, 1024] })
    const picked = builder.op('Gather', [
      builder.op('MatMul', [x, w]),
      builder.constant({ type: 'int32', dims: [2], data: Int32Array.of(1, 2) }),
    ])
    const student = builder.op('Reshape', [picked, ints(builder, [4, 1024])])
    const teacher = builder.op('MatMul', [builder.input('t', { type: 'float32', dims: [4, 4] }), w])
    distillation(builder, { student, teacher })
    expect(builder.steps.at(-1)?.definition.op).toBe('HeadLoss')
    expect(builder.steps.at(-1)?.inputs[0]?.dims).toEqual([4, 4])
    distillation(builder, {
      student,
      teacher,
      mask: builder.input('mask', { type: 'float32', dims: [1024] }),
    })
    expect(builder.steps.at(-1)?.definition.op).not.toBe('HeadLoss')
  })
})

it('knows no head behind logits that something else was done to', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', { type: 'float32', dims: [2, 3] })
  const w = builder.input('w', { type: 'float32', dims: [3, 4] })
  const product = builder.op('MatMul', [x, w])
  expect(linearHead(builder, product)).toMatchObject({ features: x, weight: w, layout: 'in-out' })
  expect(linearHead(builder, builder.op('Tanh', [product]))).toBeUndefined()
  const columns = [0, 2, 1].map((number) => ints(builder, [number]))
  expect(linearHead(builder, builder.op('Slice', [product, ...columns]))).toBeUndefined()
  expect(linearHead(builder, x)).toBeUndefined()
})
