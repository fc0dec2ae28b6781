import { expect, it } from 'vitest'
import { ortNode } from '../../engine/ort-node.ts'
import { graph, type Node, plainNode as node } from '../../onnx/graph.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { modelToOnnx } from '../import/index.ts'
import type { Model } from '../model.ts'
import { withLora } from './lora.ts'
import { mergeLora } from './merge-lora.ts'

const engine = ortNode({ threads: 1 })
const body = (name: string, weight: string) => ({
  ...{
    name,
    inputs: [],
    initializers: new Map(),
    nodes: [node('MatMul', ['hidden', weight], `${name}/out`)],
  },
  outputs: [{ name: `${name}/out`, type: 'float32' as const, dims: ['N', 2] }],
})

/** One weight is read before a branch, one in both of its bodies, one in a body alone. */
const branching: Model = {
  graph: {
    name: 'branching',
    inputs: [{ name: 'x', type: 'float32', dims: ['N', 2] }],
    outputs: [{ name: 'logits', type: 'float32', dims: ['N', 2] }],
    initializers: new Map<string, Tensor>([['yes', { type: 'bool', dims: [], data: Uint8Array.of(1) }]]),
    nodes: [
      node('MatMul', ['x', 'shared'], 'hidden'),
      node('If', ['yes'], 'logits', {
        then_branch: graph(body('then', 'shared')),
        else_branch: graph(body('else', 'alone')),
      }),
    ],
  },
  opsets: { '': 21 },
  parameters: new Map([
    ['shared', float32([2, 2], [1, 2, 3, 4])],
    ['alone', float32([2, 2], [5, 6, 7, 8])],
  ]),
  buffers: new Map(),
  input: { name: 'x', type: 'float32', dims: ['N', 2] },
  output: 'logits',
  classes: ['a', 'b'],
}

async function answer(model: Model, parameters: ReadonlyMap<string, Tensor>): Promise<number[]> {
  const executable = await engine.load(modelToOnnx(model, { parameters }))
  const outputs = await executable.run(new Map([['x', float32([1, 2], [1, -2])]]))
  await executable.dispose()
  return toNumbers(outputs.get('logits') ?? float32([0]))
}

it('adapts weights that are read in the bodies of branches, there as well as before them', async () => {
  const lora = withLora(branching, { rank: 1, alpha: 1, head: false })
  expect(lora.adapters.map(({ weight }) => weight).sort()).toEqual(['alone', 'shared'])
  const moved = new Map(
    [...lora.model.parameters].map(([name, { dims, data }]) => [
      name,
      float32(
        dims,
        (data as Float32Array).map((_, at) => at + 1),
      ),
    ]),
  )
  const merged = await mergeLora(engine, branching, lora, moved)
  expect(await answer(lora.model, moved)).toEqual(
    await answer(branching, new Map([...branching.parameters, ...merged])),
  )
  expect(await answer(lora.model, moved)).not.toEqual(await answer(branching, branching.parameters))
})

const info = (name: string, type: 'int64' | 'float32', dims: readonly (string | number)[]) => ({
  ...{ name, type, dims },
})

/** Token ids through a table, a layer of some form, and the table again. */
const language = (layer: readonly Node[], dims: readonly number[]): Model => ({
  graph: {
    name: 'language',
    inputs: [info('ids', 'int64', ['N', 2])],
    outputs: [info('logits', 'float32', ['N', 2, 5])],
    initializers: new Map(),
    nodes: [
      node('Gather', ['table', 'ids'], 'embedded'),
      ...layer,
      node('Transpose', ['table'], 'turned', { perm: [1, 0] }),
      node('MatMul', ['hidden', 'turned'], 'logits'),
    ],
  },
  opsets: { '': 21 },
  parameters: new Map([
    ['table', float32([5, 3], [1, 2, 3, 0, 1, 0, 2, 1, 1, 3, 0, 2, 1, 1, 2])],
    ['layer', float32(dims, [1, 0, 2, 1, 1, 0, 0, 2, 1])],
  ]),
  buffers: new Map(),
  input: info('ids', 'int64', ['N', 2]),
  output: 'logits',
  classes: [],
})

const rows: Tensor = { type: 'int64', dims: [1, 2], data: BigInt64Array.from([3n, 1n]) }

async function logitsOf(model: Model, parameters: ReadonlyMap<string, Tensor>): Promise<number[]> {
  const executable = await engine.load(modelToOnnx(model, { parameters }))
  const outputs = await executable.run(new Map([['ids', rows]]))
  await executable.dispose()
  return toNumbers(outputs.get('logits') ?? float32([0]))
}

const plain = language([node('MatMul', ['embedded', 'layer'], 'hidden')], [3, 3])

it('leaves the embedding and the head of a language model alone, unless it is asked for', () => {
  expect([...withLora(plain).model.parameters.keys()]).toEqual(['layer/lora_A', 'layer/lora_B'])
  expect([...withLora(plain, { head: true }).model.parameters.keys()]).toContain('table')
})

it('trains a classifier of as many classes as it has kinds of tokens with its head', () => {
  const kinds = { ...plain, input: info('other', 'int64', ['N', 2]) }
  expect([...withLora(kinds).model.parameters.keys()]).toContain('table')
})

it.each([
  ['rows first', language([node('MatMul', ['embedded', 'layer'], 'hidden')], [3, 3]), ['layer']],
  [
    'a product with alpha, turned both ways',
    language(
      [
        node('Flatten', ['embedded'], 'flat', { axis: 2 }),
        node('Transpose', ['flat'], 'columns', { perm: [1, 0] }),
        node('Gemm', ['columns', 'layer'], 'rows', {
          transA: 1,
          transB: 1,
          alpha: { kind: 'float', value: 2 },
        }),
        node('Unsqueeze', ['rows', 'axis'], 'hidden'),
      ],
      [3, 3],
    ),
    ['layer'],
  ],
  ['a table that is the head, too', plain, ['table', 'layer']],
])('computes beside %s what the merged weights give', async (_, given, targets) => {
  const axis: Tensor = { type: 'int64', dims: [1], data: BigInt64Array.of(0n) }
  const model = { ...given, graph: { ...given.graph, initializers: new Map([['axis', axis]]) } }
  const lora = withLora(model, { rank: 1, alpha: 1, head: false, targets })
  const moved = new Map(
    [...lora.model.parameters].map(([name, { dims, data }]) => [
      name,
      float32(
        dims,
        (data as Float32Array).map((_value, at) => at - 1),
      ),
    ]),
  )
  const merged = await mergeLora(engine, model, lora, moved)
  const together = await logitsOf(model, new Map([...model.parameters, ...merged]))
  expect(await logitsOf(lora.model, moved)).toEqual(together)
  expect(together).not.toEqual(await logitsOf(model, model.parameters))
  const sums = lora.model.graph.nodes
    .flatMap(({ outputs }) => outputs)
    .filter((name) => /adapted$/.test(name))
  expect(sums).toEqual(targets.includes('table') ? ['table/adapted'] : [])
})
