import { describe, expect, it } from 'vitest'
import { createDataset, samples } from '../../data/dataset.ts'
import { createPool } from '../../data/memory/pool.ts'
import { emptyState } from '../../methods/method.ts'
import { none } from '../../methods/none.ts'
import { parseSelection, selectParameters, trainOnly } from '../../model/adapters/index.ts'
import { mlp } from '../../model/layers/networks.ts'
import { graphFromModel } from '../../onnx/from-proto.ts'
import type { Graph, Node } from '../../onnx/graph.ts'
import { decodeModel } from '../../onnx/read.ts'
import { namesRead, subgraphsOf } from '../../onnx/walk.ts'
import { float32, toNumbers } from '../../tensor/tensor.ts'
import { sgd } from './optimisers.ts'
import { buildStep } from './step.ts'

const BATCH = 6
const whole = mlp({ widths: [3, 5, 4, 2], seed: 1 })
const train = createDataset({
  name: 'rows',
  inputs: float32([BATCH, 3]),
  labels: { type: 'int32', dims: [BATCH], data: new Int32Array(BATCH) },
  classes: ['a', 'b'],
})

/** A step that trains what is selected, and the nodes of its body. */
function stepOf(selection: string) {
  const model = trainOnly(whole, selectParameters(whole, parseSelection(selection)))
  const source = { name: 'new', dataset: train, tasks: 0, size: BATCH, weight: 1 }
  const step = buildStep({
    ...{ model, settings: { optimiser: sgd({ momentum: 0.9 }) }, method: none(), state: emptyState },
    task: {
      ...{ scenario: 'domain', index: 0, outputs: 2, units: [[0, 1]], active: undefined, train },
      seen: () => ({ dataset: train, tasks: new Int32Array(samples(train)) }),
      batchSize: BATCH,
    },
    ...{ pool: createPool([source]), sources: [source], iterations: 10 },
    ...{ constants: new Map(), slots: new Map() },
  })
  const { graph } = graphFromModel(decodeModel(step.bytes))
  const [body = graph] = graph.nodes.filter(({ op }) => op === 'Scan').flatMap(subgraphsOf)
  const frozen = [...whole.parameters].filter(([name]) => !model.parameters.has(name))
  return { step, graph, body, frozen: frozen.map(([name, tensor]) => ({ name, tensor })) }
}

const productsIn = ({ nodes }: Graph): Node[] => nodes.filter(({ op }) => /^(MatMul|Gemm|Einsum)$/.test(op))

describe('a step with a frozen trunk', () => {
  it.each([
    ['all', 3 + 2 * 3 + 2],
    ['last:2', 3 + 2 * 2 + 1],
    ['head', 3 + 2],
  ])('has no products for gradients below the cut: %s', (selection, products) => {
    // Each layer forward; the gradients of each trained weight and bias (a sum over rows is one, too); each that arrives at a layer below
    // which something trains.
    expect(productsIn(stepOf(selection).body)).toHaveLength(products)
  })

  it.each(['last:2', 'head'])('has the frozen weights as constants, read forward alone: %s', (selection) => {
    const { step, graph, body, frozen } = stepOf(selection)
    const constants = [...graph.initializers, ...body.initializers]
    for (const { name, tensor } of frozen) {
      const numbers = toNumbers(tensor)
      const same = constants.filter(([, constant]) => {
        const found = toNumbers(constant)
        return found.length === numbers.length && found.every((value, at) => value === numbers[at])
      })
      expect(same.map(([, { dims }]) => dims)).toEqual([tensor.dims])
      const readers = body.nodes.filter((node) => namesRead(node).includes(same[0]?.[0] ?? ''))
      expect(readers).toHaveLength(1)
      expect(step.slots.filter(({ input }) => input.endsWith(`/${name}`))).toEqual([])
    }
    expect(frozen.length).toBe(selection === 'head' ? 4 : 2)
  })
})
