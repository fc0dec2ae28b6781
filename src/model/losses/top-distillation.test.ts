import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { mul, scalar, transpose, type Value } from '../../ops/core/index.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { distillation } from './distillation.ts'
import { type TopDistillationOptions, topDistillation } from './top-distillation.ts'

const engine = ortNode({ threads: 1 })
const [rows, width] = [5, 3]

interface Case {
  readonly classes: number
  readonly k: number
  readonly temperature?: number
  readonly scaled?: boolean
  readonly weighted?: boolean
  readonly most?: number
  /** How sure the teacher is: large for shares that leave nothing over. */
  readonly spread?: number
}

function drawn(name: string, dims: readonly number[], spread = 1): Tensor<'float32'> {
  const tensor = float32(dims)
  randomStream(3, name).fillNormal(tensor.data, 0, spread)
  return tensor
}

const softmax = (logits: readonly number[]): number[] => {
  const top = Math.max(...logits)
  const shares = logits.map((x) => Math.exp(x - top))
  const sum = shares.reduce((all, x) => all + x, 0)
  return shares.map((x) => x / sum)
}

/** The teacher's whole distribution at the temperature, and the k likeliest of it as they are kept. */
function teacherOf({ classes, k, temperature = 1, spread = 2 }: Case) {
  const logits = drawn('teacher', [rows, classes], spread)
  const top = Array.from({ length: rows }, (_, row) => {
    const own = [...logits.data.subarray(row * classes, (row + 1) * classes)]
    const shares = softmax(own.map((x) => x / temperature))
    return [...shares.keys()]
      .sort((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0))
      .slice(0, k)
      .map((id) => ({ id, log: Math.log(shares[id] ?? 0) }))
  })
  const ids: Tensor = { type: 'int32', dims: [rows, k], data: Int32Array.from(top.flat(), ({ id }) => id) }
  return {
    logits,
    ids,
    logs: float32(
      [rows, k],
      top.flat().map(({ log }) => log),
    ),
  }
}

/** The formula, in double precision. */
function byHand(given: Case, x: ArrayLike<number>, w: ArrayLike<number>, weights: ArrayLike<number>): number {
  const { classes, k, temperature = 1, scaled, weighted } = given
  const { ids, logs } = teacherOf(given)
  let sum = 0
  for (let row = 0; row < rows; row++) {
    const logits = Array.from({ length: classes }, (_, c) =>
      Array.from({ length: width }, (__, at) => (x[row * width + at] ?? 0) * (w[c * width + at] ?? 0)).reduce(
        (a, b) => a + b,
        0,
      ),
    )
    const p = softmax(logits.map((z) => z / temperature))
    const inS = new Set<number>()
    let [cost, q] = [0, 0]
    for (let at = row * k; at < (row + 1) * k; at++) {
      const [id, share] = [Number(ids.data[at]), Math.exp(logs.data[at] ?? 0)]
      inS.add(id)
      q += share
      cost -= share * Math.log(p[id] ?? 0)
    }
    const rest = p.reduce((all, share, id) => all + (inS.has(id) ? 0 : share), 0)
    if (k < classes) cost -= Math.max(0, 1 - q) * Math.log(Math.max(rest, 1e-30))
    sum += cost * (weighted ? (weights[row] ?? 0) : 1)
  }
  return (sum / rows) * (scaled ? temperature ** 2 : 1)
}

type Loss = (builder: GraphBuilder, options: TopDistillationOptions & { teacher: Value }) => Value

async function run(given: Case, loss: Loss = topDistillation) {
  const { classes, temperature, scaled, weighted, most } = given
  const teacher = teacherOf(given)
  const feeds = new Map<string, Tensor>([
    ['x', drawn('x', [rows, width])],
    ['w', drawn('w', [classes, width])],
    ['ids', teacher.ids],
    ['logs', teacher.logs],
    ['teacher', teacher.logits],
    ['weights', float32([rows], [0.5, 1, 0, 2, 1.5])],
  ])
  const builder = new GraphBuilder()
  const input = (name: string): Value => builder.input(name, feeds.get(name) as Tensor)
  const [x, w, weights] = [input('x'), input('w'), input('weights')]
  const value = loss(builder, {
    student: builder.op('MatMul', [x, transpose(builder, w, [1, 0])]),
    ...{ ids: input('ids'), logProbabilities: input('logs'), teacher: input('teacher') },
    ...{ temperature, scaleByTemperature: scaled, weights: weighted ? weights : undefined, most },
  })
  // Not the loss itself: its gradient is a number then.
  const [dx, dw] = gradients(builder, mul(builder, value, scalar(builder, 3, value)), [x, w])
  if (!dx || !dw) throw new Error('no gradient')
  for (const [name, output] of Object.entries({ value, dx, dw })) builder.output(output, name)
  const executable = await engine.load(encodeGraph(builder.finish('loss')))
  const fed = new Map([...feeds].filter(([name]) => executable.inputs.includes(name)))
  const outputs = await executable.run(fed)
  await executable.dispose()
  const read = (name: string): number[] => toNumbers(outputs.get(name) as Tensor)
  return { value: read('value'), dx: read('dx'), dw: read('dw'), feeds }
}

const cases: readonly (readonly [string, Case])[] = [
  ['few classes', { classes: 7, k: 3 }],
  [
    'a temperature, its square and weights',
    { classes: 7, k: 2, temperature: 2, scaled: true, weighted: true },
  ],
  ['one class', { classes: 6, k: 1, temperature: 1.5 }],
  ['a teacher who leaves nothing over', { classes: 7, k: 3, spread: 60 }],
  ['many classes, at once', { classes: 1100, k: 4 }],
  [
    'many classes in parts, the last one filled up',
    { classes: 1100, k: 4, most: 2 * 1100, temperature: 2, weighted: true },
  ],
]

/** By the largest of what is expected. */
function near(found: readonly number[], expected: readonly number[]): void {
  const size = Math.max(...expected.map(Math.abs))
  expect(found).toHaveLength(expected.length)
  expect(size).toBeGreaterThan(0)
  for (const [at, value] of found.entries()) {
    expect(Math.abs(value - (expected[at] ?? Number.NaN)) / size).toBeLessThan(1e-3)
  }
}

describe('distillation from the likeliest classes', () => {
  it.each(cases)('is the formula, and its gradient that of finite differences: %s', async (_name, given) => {
    const { value, dx, dw, feeds } = await run(given)
    const numbers = (name: string): number[] => toNumbers(feeds.get(name) as Tensor)
    const [x, w, weights] = [numbers('x'), numbers('w'), numbers('weights')]
    expect(value[0]).toBeCloseTo(byHand(given, x, w, weights), 4)
    const slope = (of: 'x' | 'w', at: number): number => {
      const moved = (by: number): number => {
        const [own, table] = [[...x], [...w]]
        const list = of === 'x' ? own : table
        list[at] = (list[at] ?? 0) + by
        return byHand(given, own, table, weights)
      }
      return (3 * (moved(1e-5) - moved(-1e-5))) / 2e-5
    }
    // Classes that the teacher names, and some that it does not.
    const some = [...toNumbers(teacherOf(given).ids).slice(0, 4), 0, given.classes - 1]
    const places = some.flatMap((id) => [id * width, id * width + 2])
    near(
      dx,
      dx.map((_, at) => slope('x', at)),
    )
    near(
      places.map((at) => dw[at] ?? Number.NaN),
      places.map((at) => slope('w', at)),
    )
  })

  it.each([7, 1100])(
    'is that over all classes, with its gradient, where these are all of %i',
    async (classes) => {
      const given: Case = { classes, k: classes, temperature: 2, weighted: true }
      const top = await run(given)
      const full = await run(given, (builder, { student, teacher, temperature, weights }) =>
        distillation(builder, {
          student,
          teacher,
          weights,
          ...(temperature === undefined ? {} : { temperature }),
        }),
      )
      for (const name of ['value', 'dx', 'dw'] as const) {
        near(top[name], full[name])
      }
    },
  )

  it('costs no more than all classes do, and the more of them are known the nearer it comes', async () => {
    const found = await Promise.all(
      [1, 3, 6, 7].map(async (k) => (await run({ classes: 7, k })).value[0] ?? 0),
    )
    expect(found).toEqual([...found].sort((a, b) => a - b))
    expect(found[0]).toBeLessThan(found[3] ?? 0)
  })

  it('makes no logits of many classes at once where they are a head’s', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', { type: 'float32', dims: [8, 2] })
    const w = builder.input('w', { type: 'float32', dims: [2, 1024] })
    const ids = builder.input('ids', { type: 'int32', dims: [8, 2] })
    const logs = builder.input('logs', { type: 'float32', dims: [8, 2] })
    const student = builder.op('MatMul', [x, w])
    topDistillation(builder, { student, ids, logProbabilities: logs, most: 2048 })
    expect(builder.steps.at(-1)?.definition.op).toBe('HeadLoss')
  })

  it('refuses dims that do not go together, and no temperature', () => {
    const builder = new GraphBuilder()
    const value = (name: string, dims: number[], type: 'float32' | 'int32' = 'float32') =>
      builder.input(name, { type, dims })
    const student = value('student', [4, 6])
    const lesson = (ids: number[], logs: number[], temperature = 1) =>
      topDistillation(builder, {
        student,
        ids: value(`ids${ids}`, ids, 'int32'),
        logProbabilities: value(`logs${logs}`, logs),
        temperature,
      })
    expect(() => lesson([4, 7], [4, 7])).toThrow(/k from 1 to C.*\[4,7\]/)
    expect(() => lesson([3, 2], [3, 2])).toThrow(/loss-dims|got \[3,2\]/)
    expect(() => lesson([4, 2], [4, 3])).toThrow(/got \[4,2\], \[4,3\]/)
    expect(() => lesson([4, 1], [4, 1], 0)).toThrow(/above 0/)
  })
})
