import { expect, it } from 'vitest'
import { createDataset, type Dataset } from '../../data/dataset.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { emptyState, type TaskContext } from '../../methods/method.ts'
import { none } from '../../methods/none.ts'
import { transformerEncoder } from '../../model/layers/transformer-network.ts'
import type { Model } from '../../model/model.ts'
import { plainNode as node } from '../../onnx/graph.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, toNumbers } from '../../tensor/tensor.ts'
import { adam } from '../step/optimisers.ts'
import type { StepSettings } from '../step/step-request.ts'
import { stateAtStart } from './task-models.ts'
import { openTask } from './task-run.ts'

const engine = ortNode({ threads: 1 })

/** What a few steps make of the parameters. */
async function trained(model: Model, train: Dataset, settings: StepSettings): Promise<Map<string, number[]>> {
  const outputs = train.classes.length
  const units = [Array.from({ length: outputs }, (_, unit) => unit)]
  const task: TaskContext = {
    ...{ scenario: 'domain', index: 0, outputs, units, active: undefined, train, batchSize: 4 },
    seen: () => ({ dataset: train, tasks: new Int32Array(8) }),
  }
  const tensors = stateAtStart(model, settings.optimiser, new Map(), new Map())
  const run = await openTask(
    { ...{ engine, model, method: none(), settings }, ...{ iterations: 4, learningRate: 0.01, seed: 1 } },
    task,
    { updates: 0, tensors, method: emptyState, samplers: {} },
  )
  await run.steps(0, 4)
  const state = await run.snapshot()
  await run.dispose()
  return new Map(
    [...model.parameters.keys()].map((name) => [
      name,
      toNumbers(state.get(`parameter/${name}`) ?? float32([0])),
    ]),
  )
}

function near(found: ReadonlyMap<string, number[]>, expected: ReadonlyMap<string, number[]>): void {
  for (const [name, values] of expected) {
    values.forEach((value, at) => {
      expect(found.get(name)?.[at]).toBeCloseTo(value, 4)
    })
  }
}

it('steps to the same parameters where activations are computed again', async () => {
  const shape = { tokens: 6, width: 8, heads: 2, layers: 3, feedForward: 64, classes: 3, seed: 2 }
  const model = transformerEncoder({ ...shape, vocabulary: 11 })
  const random = randomStream(1, 'tokens')
  const train = createDataset({
    name: 'tokens',
    inputs: {
      type: 'int64',
      dims: [8, 6],
      data: BigInt64Array.from({ length: 48 }, () => BigInt(random.integer(11))),
    },
    labels: { type: 'int32', dims: [8], data: Int32Array.from({ length: 8 }, (_, row) => row % 3) },
    classes: ['a', 'b', 'c'],
  })
  const plain = await trained(model, train, { optimiser: adam() })
  near(await trained(model, train, { optimiser: adam(), recompute: true }), plain)
  expect(plain.get([...model.parameters.keys()][0] ?? '')).not.toEqual(
    toNumbers([...model.parameters.values()][0] ?? float32([0])),
  )
})

const VOCABULARY = 1030

/** A token's embedding through one layer, against the embeddings of all tokens. */
function language(): Model {
  const drawn = (name: string, dims: readonly number[]) => {
    const tensor = float32(dims)
    randomStream(4, name).fillUniform(tensor.data, -0.5, 0.5)
    return [name, tensor] as const
  }
  const input = { name: 'ids', type: 'int64' as const, dims: ['N', 5] }
  return {
    graph: {
      ...{ name: 'language', inputs: [input], initializers: new Map() },
      outputs: [{ name: 'logits', type: 'float32', dims: ['N', 5, VOCABULARY] }],
      nodes: [
        node('Gather', ['table', 'ids'], 'embedded'),
        node('MatMul', ['embedded', 'layer'], 'product'),
        node('Tanh', ['product'], 'hidden'),
        node('Transpose', ['table'], 'turned', { perm: [1, 0] }),
        node('MatMul', ['hidden', 'turned'], 'logits'),
      ],
    },
    opsets: { '': 21 },
    parameters: new Map([drawn('table', [VOCABULARY, 4]), drawn('layer', [4, 4])]),
    buffers: new Map(),
    input,
    output: 'logits',
    classes: [],
  }
}

it('steps to the same parameters by the loss of a large vocabulary as by the plain one', async () => {
  const random = randomStream(1, 'words')
  const ids = Array.from({ length: 40 }, () => random.integer(VOCABULARY))
  const train = createDataset({
    ...{ name: 'words', kind: 'token-classification' },
    inputs: { type: 'int64', dims: [8, 5], data: BigInt64Array.from(ids, BigInt) },
    labels: {
      type: 'int32',
      dims: [8, 5],
      data: Int32Array.from(ids, (id, at) => (at % 5 === 4 ? -100 : (id + 1) % VOCABULARY)),
    },
    classes: Array.from({ length: VOCABULARY }, (_, token) => String(token)),
  })
  const own = await trained(language(), train, { optimiser: adam() })
  // Smoothing by next to nothing has no form of its own.
  near(own, await trained(language(), train, { optimiser: adam(), loss: { labelSmoothing: 1e-12 } }))
  expect(own.get('layer')).not.toEqual(toNumbers(language().parameters.get('layer') ?? float32([0])))
})
