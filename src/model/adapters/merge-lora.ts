import { GraphBuilder } from '../../autodiff/builder.ts'
import type { Engine } from '../../engine/engine.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { add, matmul, reshape, scale, transpose, type Value } from '../../ops/core/index.ts'
import { required } from '../../required.ts'
import { sizeOf, type Tensor } from '../../tensor/tensor.ts'
import type { Model } from '../model.ts'
import type { LoraModel } from './lora.ts'

/**
 * The weights with their updates added, by the names that the file has, for `saveModel`: the graph of the merged model
 * is the original's.
 *
 * @param into Merged weights of before, by name, in whose memory those of now are put: of a large model each set is as large as it.
 * @param trained Parameters of {@link LoraModel.model}; those that are no adapters are handed on, and so are updates of weights of
 * few bits, which `withPackedUpdates` writes.
 */
export async function mergeLora(
  engine: Engine,
  base: Model,
  lora: LoraModel,
  trained: ReadonlyMap<string, Tensor>,
  into: ReadonlyMap<string, Tensor> = new Map(),
): Promise<Map<string, Tensor>> {
  const builder = new GraphBuilder()
  const feeds = new Map<string, Tensor>()
  const mergeable = lora.adapters.filter(({ packed }) => !packed)
  if (mergeable.length === 0) return new Map(trained)
  for (const { weight, layout, a, b } of mergeable) {
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
    builder.output(add(builder, w, scale(builder, placed, lora.alpha / lora.rank)), `merged/${weight}`)
  }
  const executable = await engine.load(encodeGraph(builder.finish('merge')))
  try {
    const outputs = await executable.run(
      feeds,
      new Map([...into].map(([name, tensor]) => [`merged/${name}`, tensor])),
    )
    const adapted = new Set(mergeable.flatMap(({ a, b }) => [a, b]))
    return new Map([
      ...[...trained].filter(([name]) => !adapted.has(name)),
      ...mergeable.map(({ weight }): [string, Tensor] => [
        weight,
        required(outputs, `merged/${weight}`, 'merged weight'),
      ]),
    ])
  } finally {
    await executable.dispose()
  }
}
