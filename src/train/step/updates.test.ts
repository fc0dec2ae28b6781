import { expect, it } from 'vitest'
import { engine } from '../../../test/toy-learning.ts'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { adam } from './optimisers.ts'
import { type Pending, type Updated, updateParameters } from './updates.ts'
import { decayed, type WeightDecay } from './weight-decay.ts'

const shapes: Readonly<Record<string, readonly number[]>> = {
  weight: [3, 4],
  bias: [3],
  scale: [5],
  'own/scale': [4],
  center: [6],
  shift: [1],
  long: [5000],
}
const optimiser = adam()
const decay: WeightDecay = { rate: 0.1, kind: 'decoupled', only: (name) => !name.startsWith('own/') }

/** All new values by name, and how many nodes compute them. */
async function updatedBy(
  update: (
    builder: GraphBuilder,
    scalars: readonly Pending['gradient'][],
    pending: Pending[],
  ) => ReadonlyMap<string, Updated>,
): Promise<{ values: ReadonlyMap<string, Tensor>; nodes: number }> {
  const builder = new GraphBuilder()
  const feeds = new Map<string, Tensor>()
  const drawn = (name: string, dims: readonly number[]) => {
    const tensor = float32(dims)
    randomStream(1, name).fillUniform(tensor.data, 0.1, 1)
    feeds.set(name, tensor)
    return builder.input(name, tensor)
  }
  const pending = Object.entries(shapes).map(([name, dims]) => ({
    name,
    parameter: drawn(name, dims),
    gradient: drawn(`gradient/${name}`, dims),
    slots: optimiser.slots.map((slot) => drawn(`${slot}/${name}`, dims)),
  }))
  const scalars = optimiser.scalars(3, 0.01).map((value, at) => {
    feeds.set(`scalar/${at}`, float32([], [value]))
    return builder.input(`scalar/${at}`, float32([]))
  })
  for (const [name, { parameter, slots }] of update(builder, scalars, pending)) {
    builder.output(parameter, `${name}/next`)
    slots.forEach((value, at) => {
      builder.output(value, `${optimiser.slots[at]}/${name}/next`)
    })
  }
  const graph = builder.finish('update')
  const executable = await engine.load(encodeGraph(graph))
  const values = await executable.run(feeds)
  await executable.dispose()
  return { values, nodes: graph.nodes.length }
}

it('gives vectors that are updated together the values they get alone', async () => {
  const alone = await updatedBy(
    (builder, scalars, pending) =>
      new Map(
        pending.map((one) => [one.name, decayed(optimiser, decay, one.name)(builder, { ...one, scalars })]),
      ),
  )
  const together = await updatedBy((builder, scalars, pending) =>
    updateParameters(builder, { optimiser, decay, scalars }, pending),
  )
  expect(together.nodes).toBeLessThan(alone.nodes)
  expect([...together.values.keys()].sort()).toEqual([...alone.values.keys()].sort())
  for (const [name, { dims, data }] of alone.values) {
    const found = together.values.get(name)
    expect(found?.dims).toEqual(dims)
    data.forEach((value, at) => {
      expect(Number(found?.data[at]), name).toBeCloseTo(Number(value), 6)
    })
  }
})
