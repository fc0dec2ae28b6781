import { expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { type DType, toNumbers } from '../../tensor/tensor.ts'
import { cast, filled, mul, scalar } from './emit.ts'
import { fromNumbers } from './fold.ts'

const engine = ortNode({ threads: 1 })

it.each<DType>(['float16', 'float32', 'float64', 'int32', 'int64', 'uint8'])(
  'makes scalars of %s that the runtime reads as the number they were made of',
  async (type) => {
    const builder = new GraphBuilder()
    const like = builder.input('like', { type, dims: [3] })
    // What is picked is known at run time only, so nothing is folded away here.
    const wide = [filled(builder, 6, like), scalar(builder, 6, like)].map((value) =>
      cast(
        builder,
        builder.op('Where', [builder.input('pick', { type: 'bool', dims: [3] }), value, like]),
        'float32',
      ),
    )
    const names = wide.map((value, at) => builder.output(value, `out${at}`).name)
    const executable = await engine.load(encodeGraph(builder.finish('scalars')))
    const pick = { type: 'bool' as const, dims: [3], data: Uint8Array.of(1, 1, 1) }
    const feeds = executable.inputs.map(
      (name) => [name, name === 'like' ? fromNumbers(type, [3], [0, 0, 0]) : pick] as const,
    )
    const results = await executable.run(new Map(feeds))
    await executable.dispose()
    for (const name of names) {
      const result = results.get(name)
      expect(result ? toNumbers(result) : undefined).toEqual([6, 6, 6])
    }
  },
)

it('makes bfloat16 scalars as the upper half of a float32', () => {
  expect(scalar(new GraphBuilder(), 1.5, { type: 'bfloat16' }).constant?.data).toEqual(Uint16Array.of(0x3fc0))
})

it.each<DType>(['float16', 'bfloat16', 'float32', 'float64'])('emits no product with ones of %s', (type) => {
  const builder = new GraphBuilder()
  const x = builder.input('x', { type, dims: [2, 3] })
  expect(mul(builder, x, builder.constant(fromNumbers(type, [3], [1, 1, 1])))).toBe(x)
  expect(mul(builder, x, builder.constant(fromNumbers(type, [3], [1, 2, 1])))).not.toBe(x)
})

it('refuses numbers of types that hold none', () => {
  expect(() => scalar(new GraphBuilder(), 1, { type: 'string' })).toThrow(
    expect.objectContaining({ code: 'numbers-type' }),
  )
})
