import { describe, expect, it } from 'vitest'
import { engine } from '../../../test/toy-learning.ts'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { asStored } from '../../data/dataset.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { type Graph, graph as graphAttribute, plainNode, type ValueInfo } from '../../onnx/graph.ts'
import { float32, int64, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { applyModel } from '../apply.ts'
import type { Bindings } from './bind.ts'
import { modelFromOnnx } from './onnx-model.ts'

/** x W [+ bias when sr is 16000] + state, in the manner of a voice detector: a branch on an input, and a state a row. */
function branching(others: readonly ValueInfo[] = []): Uint8Array {
  const branch = (name: string, from: string): Graph => ({
    name,
    inputs: [],
    outputs: [{ name, type: 'float32', dims: undefined, untyped: true }],
    initializers: new Map(),
    nodes: [plainNode('Add', ['product', from], name)],
  })
  return encodeGraph(
    {
      name: 'voice',
      inputs: [
        { name: 'sr', type: 'int64', dims: [] },
        { name: 'x', type: 'float32', dims: ['batch', 3] },
        { name: 'state', type: 'float32', dims: ['batch', 2] },
        ...others,
      ],
      outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 2] }],
      initializers: new Map<string, Tensor>([
        ['weight', float32([3, 2], [1, 2, 3, 4, 5, 6])],
        ['wide', float32([2], [10, 20])],
        ['narrow', float32([2], [-10, -20])],
        ['high', int64([], [16_000])],
      ]),
      nodes: [
        plainNode('MatMul', ['x', 'weight'], 'product'),
        plainNode('Equal', ['sr', 'high'], 'fast'),
        {
          ...plainNode('If', ['fast'], 'chosen'),
          attributes: {
            then_branch: graphAttribute(branch('then', 'wide')),
            else_branch: graphAttribute(branch('else', 'narrow')),
          },
        },
        plainNode('Add', ['chosen', 'state'], 'logits'),
      ],
    },
    { opsets: { '': 17 }, irVersion: 8 },
  )
}

async function answer(bind: Bindings, bytes = branching()): Promise<number[]> {
  const model = modelFromOnnx(bytes, { bind, name: 'voice.onnx' })
  const builder = new GraphBuilder()
  const stored = builder.input('x', { type: 'float32', dims: [2, 3] })
  const constants = new Map([...model.parameters].map(([name, tensor]) => [name, builder.constant(tensor)]))
  const { logits } = applyModel(
    builder,
    model,
    { stored, preprocessing: asStored },
    {
      parameters: constants,
      buffers: new Map(),
    },
  )
  builder.output(logits, 'answer')
  const executable = await engine.load(encodeGraph(builder.finish('answer')))
  const outputs = await executable.run(new Map([['x', float32([2, 3], [1, 0, 0, 0, 1, 0])]]))
  await executable.dispose()
  return toNumbers(outputs.get('answer') ?? float32([0]))
}

describe('inputs that are given a value', () => {
  it('choose the branch that depends on them', async () => {
    expect(await answer({ sr: 16_000, state: 0 })).toEqual([11, 22, 13, 24])
    expect(await answer({ sr: 8000, state: 0 })).toEqual([-9, -18, -7, -16])
  })

  it('have one value in every row where they go over the batch', async () => {
    expect(await answer({ sr: 16_000, state: 0.5 })).toEqual([11.5, 22.5, 13.5, 24.5])
  })

  it('are no inputs of the model any more, but are told', () => {
    const model = modelFromOnnx(branching(), { bind: { sr: 16_000, state: 0 } })
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['x'])
    expect(model.input.name).toBe('x')
    expect(model.bound?.map(({ info, role }) => [info.name, role])).toEqual([
      ['sr', 'given'],
      ['state', 'given'],
    ])
    expect([...model.parameters.keys()]).toEqual(['weight', 'wide', 'narrow'])
  })

  const wrong: readonly [Bindings, string, RegExp][] = [
    [{ srr: 1 }, 'bind-unknown', /voice\.onnx.*"srr".*sr, x, state.*Did you mean "sr"\?/],
    [{ sr: 1.5 }, 'bind-type', /"sr" is int64 and takes whole numbers, but 1\.5 is given/],
    [{ sr: true }, 'bind-type', /"sr" is int64/],
    [{ state: Number.NaN }, 'bind-type', /"state" is float32 and takes numbers/],
    [{ state: [1, 2, 3] }, 'bind-dims', /"state" is float32\[batch,2\], but 3 numbers/],
    [{ sr: [1, 2] }, 'bind-dims', /"sr" is int64\[\], but 2 numbers/],
    [{ flag: 2 }, 'bind-type', /"flag" is bool and takes true or false, but 2/],
    [{ sr: 1, free: 1 }, 'bind-dims', /how large "u" is cannot be told from the input "x" \[batch,3\]/],
    [{ free: [1] }, 'bind-dims', /"free" is float32\[u,v\], but 1 number/],
  ]
  it.each(wrong)('refuse %j with %s', (bind, code, message) => {
    const bytes = branching([
      { name: 'flag', type: 'bool', dims: [1] },
      { name: 'free', type: 'float32', dims: ['u', 'v'] },
    ])
    expect(() => modelFromOnnx(bytes, { bind, name: 'voice.onnx' })).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })

  it('may not be all of them', () => {
    expect(() => modelFromOnnx(branching(), { bind: { sr: 1, x: [1, 2, 3], state: 0 } })).toThrow(
      expect.objectContaining({ code: 'model-inputs' }),
    )
  })
})
