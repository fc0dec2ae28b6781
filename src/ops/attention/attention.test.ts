import { expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { float32, toNumbers } from '../../tensor/tensor.ts'
import { attributeReader } from '../core/attributes.ts'
import { fromNumbers } from '../core/fold.ts'
import { Attention } from './attention.ts'

const engine = ortNode({ threads: 1 })
const dims = [1, 2, 4, 3]
const drawn = (seed: number) =>
  float32(
    dims,
    Array.from({ length: 24 }, (_, at) => Math.sin(seed + 2.3 * at)),
  )

/** The op's own kernel knows masks, but not windows, so one is checked by the other. */
async function attended(attributes: Record<string, number>, visible?: readonly number[]): Promise<number[]> {
  const builder = new GraphBuilder()
  const inputs = ['q', 'k', 'v'].map((name) => builder.input(name, { type: 'float32', dims }))
  const mask = visible ? [builder.constant(fromNumbers('bool', [4, 4], visible))] : []
  const node = { op: 'Attention', domain: '', name: 'node', outputs: 1 }
  const [out] = Attention.expand({
    ...node,
    emit: builder,
    inputs: [...inputs, ...mask],
    attributes: attributeReader(attributes, 'node'),
  })
  if (out) builder.output(out, 'y')
  const executable = await engine.load(encodeGraph(builder.finish('attention')))
  const results = await executable.run(new Map(['q', 'k', 'v'].map((name, at) => [name, drawn(at)])))
  await executable.dispose()
  const y = results.get('y')
  return y ? toNumbers(y) : []
}

const masks = {
  'one key back': [{ left_window_size: 1, is_causal: 1 }, [1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1]],
  'one key on': [{ right_window_size: 1 }, [1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1]],
  'none on, two back': [
    { left_window_size: 2, right_window_size: 0 },
    [1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1],
  ],
} as const

it.each(Object.entries(masks))(
  'sees through a window what a mask lets be seen: %s',
  async (_, [window, visible]) => {
    const byWindow = await attended(window)
    const byMask = await attended({}, visible)
    expect(byWindow).toHaveLength(24)
    for (const [at, value] of byWindow.entries()) expect(value).toBeCloseTo(byMask[at] ?? Number.NaN, 6)
  },
)

it('refuses caches by name', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', { type: 'float32', dims })
  const context = { emit: builder, op: 'Attention', domain: '', name: 'layer.0', outputs: 1 }
  const expand = (inputs: (typeof x | undefined)[], outputs = 1) =>
    Attention.expand({ ...context, inputs, outputs, attributes: attributeReader({}, 'layer.0') })
  const error = expect.objectContaining({
    code: 'op-form',
    message: expect.stringMatching(/layer\.0.*cache/),
  })
  expect(() => expand([x, x, x, undefined, x, x])).toThrow(error)
  expect(() => expand([x, x, x, undefined, undefined, undefined, x])).toThrow(error)
  expect(() => expand([x, x, x], 3)).toThrow(error)
})
