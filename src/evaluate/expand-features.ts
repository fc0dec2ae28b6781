import { GraphBuilder } from '../autodiff/builder.ts'
import type { Engine } from '../engine/engine.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { matmul } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * Relu(f R), float32 [N, D']: what the head of an expanded model reads, of features of float32 [N, D].
 *
 * @param weight R, float32 [D, D'].
 * @example
 * const read = expansion ? await expandFeatures(engine, features, expansion.weight) : features
 */
export async function expandFeatures(
  engine: Engine,
  features: Tensor<'float32'>,
  weight: Tensor<'float32'>,
): Promise<Tensor<'float32'>> {
  const builder = new GraphBuilder()
  const given = itemAt(weight.dims, 0, 'dim of the expansion')
  const read = builder.input('features', { type: 'float32', dims: [1, given] }, ['rows', given])
  builder.output(
    builder.op('Relu', [matmul(builder, read, builder.parameter('expansion', weight))]),
    'expanded',
  )
  const executable = await engine.load(encodeGraph(builder.finish('expand-features')))
  try {
    const results = await executable.run(new Map([['features', features]]))
    return required(results, 'expanded', 'output') as Tensor<'float32'>
  } finally {
    await executable.dispose()
  }
}
