import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { scan } from '../../autodiff/scan.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { loadProgram } from '../../engine/program.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import type { Graph } from '../../onnx/graph.ts'
import { asMade, square } from '../../ops/core/index.ts'
import { itemAt, required } from '../../required.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { piecesOf } from './in-pieces.ts'
import { adam, type Optimiser, rmsprop, sgd } from './optimisers.ts'
import { updateParameters } from './updates.ts'
import type { WeightDecay } from './weight-decay.ts'

const engine = ortNode({ threads: 1 })
const dims = [2049, 1024]

interface Rule {
  readonly optimiser: Optimiser
  readonly decay?: WeightDecay
}

/** Steps of an optimiser on one tensor, whose gradient is its square, as steps of training have them. */
function updates({ optimiser, decay }: Rule, of: readonly number[], flat: boolean, steps: number) {
  const builder = new GraphBuilder(undefined, { flat })
  const names = ['parameter', ...optimiser.slots]
  const state = names.map((name) => builder.input(name, float32(of)))
  const turns = builder.input('turns', float32([steps]))
  const result = scan(builder, state, [turns], (body, [parameter, ...slots]) => {
    const theta = parameter ?? itemAt(state, 0, 'state')
    const scalars = optimiser.scalars(2, 0.1).map((value) => body.constant(float32([], [value])))
    const pending = { name: 'table', parameter: theta, gradient: square(body, theta), slots }
    const next = required(updateParameters(body, { optimiser, decay, scalars }, [pending]), 'table', 'it')
    return { state: [next.parameter, ...next.slots], outputs: [] }
  })
  const slots = names.map((input, at) => ({
    input,
    output: builder.output(asMade(itemAt(result.state, at, 'state')), `${input}/next`).name,
  }))
  return { graph: builder.finish('updates'), slots, names, steps }
}

async function ended(rule: Rule, flat: boolean, steps: number): Promise<Map<string, Tensor>> {
  const { graph, slots, names } = updates(rule, dims, flat, steps)
  const start = names.map((name, at) => {
    const values = new Float32Array(sizeOf(dims)).map((_, place) => ((place * (at + 3)) % 1009) / 4096)
    return [name, float32(dims, values)] as const
  })
  const program = await loadProgram(engine, encodeGraph(graph), slots, new Map(start))
  for (let call = 0; call < 2; call++) await program.run(new Map([['turns', float32([steps])]]))
  const state = await program.snapshot()
  await program.dispose()
  return state
}

const opsOf = (graph: Graph): readonly string[] =>
  graph.nodes.flatMap(({ op, attributes: { body } }) => [
    op,
    ...(typeof body === 'object' && 'kind' in body && body.kind === 'graph' ? opsOf(body.value) : []),
  ])

const rules: readonly (readonly [string, Rule])[] = [
  ['Adam', { optimiser: adam() }],
  ['AdamW', { optimiser: adam(), decay: { rate: 0.1, kind: 'decoupled' } }],
  ['SGD', { optimiser: sgd(), decay: { rate: 0.1 } }],
  ['Nesterov', { optimiser: sgd({ momentum: 0.9, nesterov: true }) }],
  ['RMSprop', { optimiser: rmsprop({ momentum: 0.9 }) }],
]

describe('an update of a large tensor', () => {
  it.each(rules)('is the same in pieces as whole, step by step: %s', async (_name, rule) => {
    const [pieces, whole, one] = [
      await ended(rule, false, 2),
      await ended(rule, true, 2),
      await ended(rule, false, 1),
    ]
    for (const [name, tensor] of whole) {
      const other = required(pieces, name, 'state')
      expect(other.dims).toEqual(dims)
      expect(Buffer.compare(bufferOf(other), bufferOf(tensor)), name).toBe(0)
      expect(Buffer.compare(bufferOf(required(one, name, 'state')), bufferOf(tensor)), name).not.toBe(0)
    }
  })

  it('goes in pieces, unless the graph is to have no Scan or the tensor is small', () => {
    const scans = (of: readonly number[], flat = false) =>
      opsOf(updates({ optimiser: adam() }, of, flat, 1).graph).filter((op) => op === 'Scan').length
    expect(scans(dims)).toBe(2)
    expect(scans(dims, true)).toBe(0)
    expect(scans([400, 784])).toBe(1)
  })

  it('has equal pieces of at most 131,072 numbers, and not many more than it needs', () => {
    expect(piecesOf(2 ** 21)).toBe(16)
    expect(piecesOf(30522 * 256)).toBe(64)
    expect(piecesOf(2 ** 21 - 1)).toBeUndefined()
    // A prime has no divisor.
    expect(piecesOf(4194319)).toBeUndefined()
  })
})

const bufferOf = ({ data }: Tensor): Buffer => Buffer.from((data as Float32Array).buffer)
