import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { mul, reduceSum } from '../../ops/core/emit.ts'
import { present, required } from '../../required.ts'
import { float32, int64, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { adam, type Optimiser, sgd } from './optimisers.ts'
import { updateParameters } from './updates.ts'
import type { WeightDecay } from './weight-decay.ts'

const engine = ortNode({ threads: 1 })
const ROWS = 9
const WIDTH = 3
const decay: WeightDecay = { rate: 0.1, kind: 'decoupled' }
const optimisers: readonly (readonly [string, Optimiser, WeightDecay?])[] = [
  ['SGD', sgd()],
  ['SGD with momentum', sgd({ momentum: 0.9 })],
  ['SGD with Nesterov', sgd({ momentum: 0.9, nesterov: true })],
  ['Adam', adam()],
  ['AdamW', adam(), decay],
  ['SGD with coupled decay', sgd(), { rate: 0.1, kind: 'coupled' }],
]

/** One step on a table of which the tokens are looked up; `whole` hides which rows the gradient is made of. */
function stepOf(optimiser: Optimiser, tokens: number, whole: boolean, weightDecay?: WeightDecay) {
  const builder = new GraphBuilder()
  const parameter = builder.input('parameter', { type: 'float32', dims: [ROWS, WIDTH] })
  const slots = optimiser.slots.map((slot) => builder.input(slot, parameter))
  const ids = builder.input('ids', { type: 'int64', dims: [tokens] })
  const pull = builder.input('pull', { type: 'float32', dims: [tokens, WIDTH] })
  const scalars = optimiser.scalars(3, 0.1).map((_, at) => builder.input(`scalar/${at}`, float32([])))
  const loss = reduceSum(builder, mul(builder, builder.op('Gather', [parameter, ids]), pull), [0, 1])
  const [found] = gradients(builder, loss, [parameter])
  const gradient = present(found, 'gradient')
  const rule = { optimiser, decay: weightDecay, scalars }
  const pending = {
    name: 'table',
    parameter,
    slots,
    gradient: whole ? { ...gradient, rows: undefined } : gradient,
  }
  const updated = required(updateParameters(builder, rule, [pending]), 'table', 'parameter')
  for (const [at, value] of [updated.parameter, ...updated.slots].entries())
    builder.output(value, `out/${at}`)
  return builder.finish('step')
}

async function numbersOf(graph: ReturnType<typeof stepOf>, feeds: ReadonlyMap<string, Tensor>) {
  const executable = await engine.load(encodeGraph(graph))
  const used = new Map([...feeds].filter(([name]) => executable.inputs.includes(name)))
  const results = await executable.run(used)
  await executable.dispose()
  return [...results.values()].map(toNumbers)
}

const table = fc.array(fc.integer({ min: -100, max: 100 }), {
  minLength: ROWS * WIDTH,
  maxLength: ROWS * WIDTH,
})
const drawn = fc.record({
  tokens: fc.array(fc.integer({ min: -ROWS, max: ROWS - 1 }), { minLength: 1, maxLength: 4 }),
  tables: fc.tuple(table, table, table, table),
})

describe('an update of a table of which few rows have a gradient', () => {
  for (const [name, optimiser, weightDecay] of optimisers) {
    it(`is that of the whole gradient: ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(drawn, async ({ tokens, tables }) => {
          const [start, pull, ...kept] = tables.map((values) => values.map((value) => value / 64))
          const values = (of: readonly number[] | undefined) => present(of, 'values')
          const feeds = new Map<string, Tensor>([
            ['parameter', float32([ROWS, WIDTH], values(start))],
            // Second moments are no less than 0.
            ...optimiser.slots.map(
              (slot, at) => [slot, float32([ROWS, WIDTH], values(kept[at]).map(Math.abs))] as const,
            ),
            ['ids', int64([tokens.length], tokens)],
            ['pull', float32([tokens.length, WIDTH], values(pull).slice(0, tokens.length * WIDTH))],
            ...optimiser.scalars(3, 0.1).map((value, at) => [`scalar/${at}`, float32([], [value])] as const),
          ])
          const few = await numbersOf(stepOf(optimiser, tokens.length, false, weightDecay), feeds)
          const whole = await numbersOf(stepOf(optimiser, tokens.length, true, weightDecay), feeds)
          // A row that comes twice may be added in another order.
          few.flat().forEach((value, at) => {
            expect(value).toBeCloseTo(present(whole.flat()[at], 'number'), 5)
          })
        }),
        { numRuns: 12 },
      )
    })
  }

  const zerosOf = (graph: ReturnType<typeof stepOf>) =>
    graph.nodes.filter(({ op, inputs }) => op === 'ScatterND' && graph.initializers.has(inputs[0] ?? ''))

  it('puts no gradient of the whole table together for SGD', () => {
    expect(zerosOf(stepOf(sgd(), 3, true))).toHaveLength(1)
    expect(zerosOf(stepOf(sgd(), 3, false))).toHaveLength(0)
  })

  it('sums the rows alone for Adam', () => {
    const sums = (tokens: number) => {
      const graph = stepOf(adam(), tokens, false)
      return zerosOf(graph).map(({ inputs }) => graph.initializers.get(inputs[0] ?? '')?.dims)
    }
    expect(sums(3)).toEqual([[3, WIDTH]])
    expect(sums(ROWS)).toEqual([[ROWS, WIDTH]])
  })

  it('takes the whole gradient where a batch looks up more than half as many rows as there are', () => {
    const ops = (tokens: number) => stepOf(adam(), tokens, false).nodes.map(({ op }) => op)
    expect(ops(4)).toContain('ScatterElements')
    expect(ops(5)).not.toContain('ScatterElements')
  })
})
