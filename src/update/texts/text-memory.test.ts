import { describe, expect, it } from 'vitest'
import { engine } from '../../../test/op-cases.ts'
import { wanderingData as data, wanderingRows as rows } from '../../../test/wandering-texts.ts'
import { modelFromOnnx } from '../../model/import/index.ts'
import { withTokenClasses } from '../../model/language.ts'
import { weightsOf } from '../../model/model.ts'
import { encodeGraph } from '../../onnx/encode.ts'

import type { Node } from '../../onnx/graph.ts'
import { itemAt } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { countStep } from '../../train/inspect/index.ts'
import { trainedModel } from '../recipes/index.ts'
import { rungsWithRoom } from './text-memory.ts'
import { type TextRung, textLadder } from './text-rungs.ts'

// Wide layers behind an embedding: all of them take several times the memory of low-rank updates.
const [vocabulary, width, layers] = [50, 1000, 8]
const node = (op: string, inputs: string[], output: string): Node => ({
  ...{ op, domain: '', name: output, inputs, outputs: [output], attributes: {} },
})
const zeros = (...dims: [number, number]): Tensor => float32(dims, new Float32Array(dims[0] * dims[1]))
const wide = encodeGraph(
  {
    name: 'wide',
    inputs: [{ name: 'input_ids', type: 'int64', dims: ['batch', 'sequence'] }],
    outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 'sequence', vocabulary] }],
    initializers: new Map([
      ['table', zeros(vocabulary, width)],
      ...Array.from({ length: layers }, (_, at) => [`layer.${at}`, zeros(width, width)] as const),
      ['head', zeros(width, vocabulary)],
    ]),
    nodes: [
      node('Gather', ['table', 'input_ids'], 'x.0'),
      ...Array.from({ length: layers }, (_, at) => node('MatMul', [`x.${at}`, `layer.${at}`], `x.${at + 1}`)),
      node('MatMul', [`x.${layers}`, 'head'], 'logits'),
    ],
  },
  { opsets: { '': 17 }, irVersion: 8 },
)
const model = withTokenClasses(modelFromOnnx(wide))
const ladder = textLadder({ model })
const options = {
  ...{ engine, model, ...rows, data, seed: 1, batchSize: 2 },
  budget: { unit: 'relative', maxChange: 0.05 },
} as const

function bytesOf({ lora, select }: TextRung, more: { batch?: number; recompute?: boolean } = {}): number {
  const { model: trains } = trainedModel({ lora, select, seed: 1 }, model)
  const weights = [...weightsOf(model).values(), ...model.graph.initializers.values()]
  const fileBytes = weights.reduce((sum, { data: values }) => sum + (values as Float32Array).byteLength, 0)
  const asked = { batch: 2, sequence: rows.rows.length, dims: {}, fileBytes, ...more }
  return countStep({ model: trains, ...asked }).cost.bytes
}
const [low, whole] = [bytesOf(itemAt(ladder, 0, 'rung')), bytesOf(itemAt(ladder, 1, 'rung'))]

const withMemory = (bytes: number, free = bytes) =>
  rungsWithRoom({ ...options, memory: { whole: bytes, free } }, ladder)

describe('rungs that memory has room for', () => {
  it('are all where there is plenty, or nobody says how much there is', () => {
    expect(whole).toBeGreaterThan(1.2 * low)
    expect(withMemory(2 * whole)).toEqual({ rungs: ladder, notes: [] })
    expect(rungsWithRoom(options, ladder)).toEqual({ rungs: ladder, notes: [] })
  })

  it('end before one that takes more than all there is, which is said', () => {
    const { rungs, notes } = withMemory(whole - 1)
    expect(rungs.map(({ name }) => name)).toEqual(['low-rank'])
    expect(notes.at(-1)).toMatch(
      /^Low-rank updates alone: everything would take \S+ [KMG]iB of \S+ [KMG]iB of memory\./,
    )
  })

  it('are warned of, and not left out, where they may fit', () => {
    const { rungs, notes } = withMemory(whole + 1)
    expect(rungs).toEqual(ladder)
    expect(notes.at(-1)).toMatch(/^Memory may be short for training everything: a step takes \S+ [KMG]iB, /)
    expect(withMemory(2 * whole, 1.2 * whole).notes).toEqual([expect.stringContaining('are free')])
  })

  it('are none where the first has no room: what to do is said', () => {
    expect(() => withMemory(low - 1)).toThrow(expect.objectContaining({ code: 'update-memory' }))
    expect(() => withMemory(1)).toThrow('Neither --recompute nor a smaller --batch leaves room')
  })

  it('are given a smaller batch for advice where that helps', () => {
    const one = itemAt(ladder, 0, 'rung')
    const [large, small] = [bytesOf(one, { batch: 512 }), bytesOf(one, { batch: 64 })]
    expect(small).toBeLessThan(large / 1.5)
    // Also where other work takes nearly all of it at the moment.
    for (const free of [large - 1, 1]) {
      const memory = { whole: large - 1, free }
      expect(() => rungsWithRoom({ ...options, batchSize: 512, memory }, ladder)).toThrow(
        /With (--recompute|--batch \d+) a step takes \S+ [KMG]iB/,
      )
    }
  })
})
