import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { required } from '../../required.ts'
import { float32, sizeOf } from '../../tensor/tensor.ts'
import { piecesOf } from './in-pieces.ts'
import { adam } from './optimisers.ts'
import { updateParameters } from './updates.ts'

const engine = ortNode({ threads: 1 })
const dims = [4097, 1024]

function updateOf(of: readonly number[], flat: boolean) {
  const builder = new GraphBuilder(undefined, { flat })
  const optimiser = adam()
  const [parameter, gradient, ...slots] = ['parameter', 'gradient', ...optimiser.slots].map((name) =>
    builder.input(name, { type: 'float32', dims: of }),
  )
  if (!parameter || !gradient) throw new Error('Nothing is updated.')
  const scalars = optimiser.scalars(2, 0.1).map((value) => builder.constant(float32([], [value])))
  const rule = { optimiser, scalars }
  const next = updateParameters(builder, rule, [{ name: 'table', parameter, gradient, slots }])
  builder.output(required(next, 'table', 'parameter').parameter, 'next')
  return builder.finish('update')
}

async function nextOf(flat: boolean): Promise<Float32Array> {
  const graph = updateOf(dims, flat)
  const executable = await engine.load(encodeGraph(graph))
  const feeds = new Map(
    graph.inputs.map(({ name }, at) => [
      name,
      float32(
        dims,
        new Float32Array(sizeOf(dims)).map((_, place) => ((place * (at + 3)) % 1009) / 64),
      ),
    ]),
  )
  const results = await executable.run(feeds)
  await executable.dispose()
  return required(results, 'next', 'output').data as Float32Array
}

describe('an update of a large tensor', () => {
  it('is the same in pieces as whole', async () => {
    expect(
      Buffer.compare(Buffer.from((await nextOf(false)).buffer), Buffer.from((await nextOf(true)).buffer)),
    ).toBe(0)
  })

  it('goes in pieces, unless the graph is to have no Scan or the tensor is small', () => {
    const ops = (...of: Parameters<typeof updateOf>) => updateOf(...of).nodes.map(({ op }) => op)
    expect(ops(dims, false)).toContain('Scan')
    expect(ops(dims, true)).not.toContain('Scan')
    expect(ops([400, 784], false)).not.toContain('Scan')
  })

  it('has equal pieces of at most 65,536 numbers, and not many more than it needs', () => {
    expect(piecesOf(2 ** 22)).toBe(64)
    expect(piecesOf(30522 * 256)).toBe(128)
    expect(piecesOf(2 ** 22 - 1)).toBeUndefined()
    // A prime has no divisor.
    expect(piecesOf(4194319)).toBeUndefined()
  })
})
