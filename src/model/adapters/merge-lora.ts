import { GraphBuilder } from '../../autodiff/builder.ts'
import type { Engine } from '../../engine/engine.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { add, matmul, reshape, scale, transpose, type Value } from '../../ops/core/index.ts'
import { required } from '../../required.ts'
import { byteLengthOf } from '../../tensor/bytes.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import type { Model } from '../model.ts'
import type { LoraModel } from './lora.ts'
import type { Adapter } from './lora-places.ts'

/**
 * The weights with their updates added, by the names that the file has, for `saveModel`: the graph of the merged model
 * is the original's.
 *
 * @param trained Parameters of {@link LoraModel.model}; those that are no adapters are handed on, and so are updates of weights of
 * few bits, which `withPackedUpdates` writes.
 * @param into Merged weights of before, by name, in whose memory those of now are put: of a large model each set is as large as it.
 */
export async function mergeLora(
  engine: Engine,
  base: Model,
  lora: LoraModel,
  trained: ReadonlyMap<string, Tensor>,
  into: ReadonlyMap<string, Tensor> = new Map(),
): Promise<Map<string, Tensor>> {
  const merged = new Map<string, Tensor>()
  const mergeable = lora.adapters.filter(({ packed }) => !packed)
  for (const adapters of inGroups(mergeable, base)) {
    for (const [name, tensor] of await mergeTogether(engine, base, { ...lora, adapters }, trained, into))
      merged.set(name, tensor)
  }
  const adapted = new Set(mergeable.flatMap(({ a, b }) => [a, b]))
  return new Map([...[...trained].filter(([name]) => !adapted.has(name)), ...merged])
}

/** Weights of layers that are merged by one graph are so many bytes: what it works out on the way may stand all at once. */
const TOGETHER = 2 ** 26

/** Layers in their order, as many together as have few weights, one at least. */
export function inGroups<A extends Pick<Adapter, 'weight'>>(
  adapters: readonly A[],
  { parameters }: Pick<Model, 'parameters'>,
  most = TOGETHER,
): readonly (readonly A[])[] {
  const groups: A[][] = []
  let left = 0
  for (const adapter of adapters) {
    const { dims } = required(parameters, adapter.weight, 'parameter')
    const bytes = byteLengthOf('float32', dims)
    if (bytes > left) {
      groups.push([])
      left = most
    }
    groups.at(-1)?.push(adapter)
    left -= bytes
  }
  return groups
}

/** Of some layers by one graph: each weight with its update, by name. */
async function mergeTogether(
  engine: Engine,
  base: Model,
  { adapters, alpha, rank: scaled }: Pick<LoraModel, 'adapters' | 'alpha' | 'rank'>,
  trained: ReadonlyMap<string, Tensor>,
  into: ReadonlyMap<string, Tensor>,
): Promise<readonly (readonly [string, Tensor])[]> {
  const builder = new GraphBuilder()
  const feeds = new Map<string, Tensor>()
  for (const { weight, layout, a, b } of adapters) {
    const input = (from: ReadonlyMap<string, Tensor>, name: string, what: string): Value => {
      const tensor = required(from, name, what)
      feeds.set(name, tensor)
      return builder.input(name, tensor)
    }
    const w = input(base.parameters, weight, 'parameter')
    const [left, right] = [input(trained, a, 'trained update'), input(trained, b, 'trained update')]
    const [rank = 1] = left.dims
    const flat = reshape(builder, left, [rank, sizeOf(left.dims) / rank])
    const update = matmul(builder, reshape(builder, right, [sizeOf(right.dims) / rank, rank]), flat)
    const placed = layout === 'in-out' ? transpose(builder, update, [1, 0]) : reshape(builder, update, w.dims)
    builder.output(add(builder, w, scale(builder, placed, alpha / scaled)), `merged/${weight}`)
  }
  const executable = await engine.load(encodeGraph(builder.finish('merge')))
  try {
    // In memory of our own: the runtime's, where it gave some back, would hold all that was worked out beside.
    const memory = adapters.map(({ weight }): [string, Tensor] => {
      const { dims } = required(base.parameters, weight, 'parameter')
      return [`merged/${weight}`, into.get(weight) ?? float32(dims)]
    })
    const outputs = await executable.run(feeds, new Map(memory))
    return adapters.map(
      ({ weight }) => [weight, required(outputs, `merged/${weight}`, 'merged weight')] as const,
    )
  } finally {
    await executable.dispose()
  }
}
