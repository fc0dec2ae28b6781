import { expect, it } from 'vitest'
import { ortNode } from '../../engine/ort-node.ts'
import { graph, type Node } from '../../onnx/graph.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { modelToOnnx } from '../import/index.ts'
import type { Model } from '../model.ts'
import { withLora } from './lora.ts'
import { mergeLora } from './merge-lora.ts'

const engine = ortNode({ threads: 1 })
const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Node['attributes'] = {},
): Node => ({
  ...{ op, domain: '', name: output, inputs, outputs: [output], attributes },
})
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
