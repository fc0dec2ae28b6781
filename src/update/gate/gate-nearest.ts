import { GraphBuilder } from '../../autodiff/builder.ts'
import type { Engine } from '../../engine/engine.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { matmul, mul, scale, sub, transpose } from '../../ops/core/index.ts'
import { float32, int64, type Tensor, toNumbers } from '../../tensor/tensor.ts'

/** Queries a call: bounds the memory of the table of distances. */
const atOnce = 64

/**
 * For each row of `queries` [Q, C] the row of `pool` [N, C] at the smallest Euclidean distance:
 * argmin |q - p|^2 = argmax 2 q p - |p|^2.
 *
 * @example const rows = await nearestRows(engine, logitsOfFlips, logitsOfNewData)
 */
export async function nearestRows(
  engine: Engine,
  queries: Tensor<'float32'>,
  pool: Tensor<'float32'>,
): Promise<number[]> {
  const [count = 0, width = 0] = queries.dims
  if (count === 0) return []
  const size = Math.min(atOnce, count)
  const builder = new GraphBuilder()
  const asked = builder.input('queries', { type: 'float32', dims: [size, width] })
  const among = builder.input('pool', pool)
  const squares = builder.op('ReduceSum', [mul(builder, among, among), builder.constant(int64([1], [1]))], {
    keepdims: 0,
  })
  const closeness = sub(
    builder,
    scale(builder, matmul(builder, asked, transpose(builder, among, [1, 0])), 2),
    squares,
  )
  builder.output(builder.op('ArgMax', [closeness], { axis: -1, keepdims: 0 }), 'rows')
  const executable = await engine.load(encodeGraph(builder.finish('nearest')))
  try {
    const found: number[] = []
    for (let start = 0; start < count; start += size) {
      // The last call starts early enough to be full, and what it repeats is left out.
      const from = Math.min(start, count - size)
      const part = float32([size, width], queries.data.slice(from * width, (from + size) * width))
      const rows = (
        await executable.run(
          new Map([
            ['queries', part],
            ['pool', pool],
          ]),
        )
      ).get('rows')
      if (rows) for (const row of toNumbers(rows).slice(start - from)) found.push(row)
    }
    return found
  } finally {
    await executable.dispose()
  }
}
