import { describe, expect, it } from 'vitest'
import { type DecoderForm, decoderSizes, tinyDecoder } from '../../../test/tiny-decoder.ts'
import { engine } from '../../../test/toy-learning.ts'
import { decodeModel } from '../../onnx/read.ts'
import { float32, int64, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { lossAndGradients } from '../../train/inspect/grad.ts'
import { mainInput, unfedInputs } from '../inputs.ts'
import { modelFromOnnx, withParameters } from './onnx-model.ts'

const { vocabulary } = decoderSizes
const rows = int64([2, 5], [1, 4, 2, 7, 3, 9, 12, 5, 5, 0])
const mask = int64([2, 5], [1, 1, 1, 1, 1, 1, 1, 1, 0, 0])
const places = int64([2, 5], [0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
const types = int64([2, 5], new Array<number>(10).fill(0))

const gradOf = async (form: DecoderForm) => {
  const model = modelFromOnnx(tinyDecoder(form))
  const all = new Map<string, Tensor>([
    ['input_ids', rows],
    ['attention_mask', mask],
    ['position_ids', places],
    ['token_type_ids', types],
  ])
  const batch = new Map(model.graph.inputs.map(({ name }) => [name, all.get(name) ?? rows]))
  return lossAndGradients({
    engine,
    model,
    batch: new Map<string, Tensor>([...batch, ['labels', rows]]),
    loss: 'causal-lm',
  })
}

describe('a decoder with a cache', () => {
  const forms: readonly DecoderForm[] = [
    { cache: 'past' },
    { cache: 'merged' },
    { cache: 'past', positionIds: false },
    { cache: 'merged', positionIds: false },
  ]

  it.each(forms)('has the loss and the gradients of the one without: %j', async (form) => {
    const plain = await gradOf({})
    const cached = await gradOf(form)
    expect(cached.loss).toBeCloseTo(plain.loss, 6)
    expect([...cached.gradients.keys()]).toEqual([...plain.gradients.keys()])
    for (const [name, gradient] of plain.gradients) {
      const found = toNumbers(cached.gradients.get(name) ?? float32([0]))
      const wanted = toNumbers(gradient)
      expect(found).toHaveLength(wanted.length)
      for (const [at, value] of wanted.entries()) expect(found[at], name).toBeCloseTo(value, 5)
    }
    expect(plain.gradients.get('wte')?.dims).toEqual([vocabulary, 8])
  })

  it('reads the tokens, and what follows from them; the cache is bound', () => {
    const model = modelFromOnnx(tinyDecoder({ cache: 'merged', tokenTypes: true }))
    expect(model.graph.inputs.map(({ name }) => name)).toEqual([
      'input_ids',
      'attention_mask',
      'token_type_ids',
      'position_ids',
    ])
    expect(model.input.name).toBe('input_ids')
    expect(unfedInputs(model)).toEqual([])
    expect(model.bound?.map(({ info, role, present }) => [info.name, role, present])).toEqual([
      ['past_key_values.0.key', 'cache', 'present.0.key'],
      ['past_key_values.0.value', 'cache', 'present.0.value'],
      ['past_key_values.1.key', 'cache', 'present.1.key'],
      ['past_key_values.1.value', 'cache', 'present.1.value'],
      ['use_cache_branch', 'branch', undefined],
    ])
  })

  it('shares the weights of both branches', () => {
    const merged = modelFromOnnx(tinyDecoder({ cache: 'merged' }))
    const plain = modelFromOnnx(tinyDecoder())
    expect([...merged.parameters.keys()].sort()).toEqual([...plain.parameters.keys()].sort())
  })

  it('is written back with its inputs and outputs as they were', () => {
    const bytes = tinyDecoder({ cache: 'merged' })
    const model = modelFromOnnx(bytes)
    expect(withParameters(bytes, model.parameters)).toEqual(bytes)
    const wte = model.parameters.get('wte') as Tensor<'float32'>
    const changed = float32(
      wte.dims,
      wte.data.map((value) => value + 1),
    )
    const graph = decodeModel(withParameters(bytes, new Map([['wte', changed]]))).graph
    const before = decodeModel(bytes).graph
    expect(graph?.input).toEqual(before?.input)
    expect(graph?.output).toEqual(before?.output)
    expect(graph?.node).toEqual(before?.node)
  })
})

describe('the main input', () => {
  it('is no cache, in whatever order inputs come', () => {
    const model = modelFromOnnx(tinyDecoder({ cache: 'past' }))
    expect(mainInput([...model.graph.inputs].reverse())?.name).toBe('input_ids')
  })
})
