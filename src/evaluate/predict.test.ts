import { describe, expect, it } from 'vitest'
import { createDataset } from '../data/dataset.ts'
import { ortNode } from '../engine/ort-node.ts'
import { flatten, linear, sequential } from '../model/layers/layers.ts'
import { network } from '../model/layers/network.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { buildPredict, predictRows, unitOffsets } from './predict.ts'

const engine = ortNode({ threads: 1 })

describe('predicting', () => {
  it.each([
    { layout: 'first', dims: [2, 1, 1], channelAxis: 1 },
    { layout: 'last', dims: [1, 1, 2], channelAxis: 3 },
  ] as const)(
    'reads stored pixels by scale, mean and std of each channel: channels $layout',
    async (form) => {
      const { dims, channelAxis } = form
      const model = network({
        ...{ name: 'same', inputDims: dims, classes: 2 },
        layer: sequential({ flat: flatten(), fc: linear(2, 2) }),
      })
      const dataset = createDataset({
        name: 'pixels',
        inputs: { type: 'uint8', dims: [3, ...dims], data: Uint8Array.of(0, 255, 51, 102, 255, 0) },
        labels: { type: 'int32', dims: [3], data: Int32Array.of(0, 1, 0) },
        classes: ['a', 'b'],
        preprocessing: { scale: 1 / 255, mean: [0.5, 0.2], std: [0.5, 2], channelAxis },
      })
      const graph = buildPredict(model, dataset, 2, 2)
      const executable = await engine.load(graph)
      const feeds = new Map<string, Tensor>([
        ['inputs', dataset.inputs],
        ['rows', predictRows(dataset, 2)],
        ['offsets', unitOffsets(2, undefined)],
        ['parameter/fc.weight', float32([2, 2], [1, 0, 0, 1])],
        ['parameter/fc.bias', float32([2])],
      ])
      const run = async (offsets: Tensor) => executable.run(new Map([...feeds, ['offsets', offsets]]))
      const outputs = await run(unitOffsets(2, undefined))
      const logits = toNumbers(outputs.get('logits') ?? float32([0]))
      const expected = [-1, 0.4, -0.6, 0.1, 1, -0.1]
      // Three rows in batches of two: the last row fills up.
      ;[...expected, ...expected.slice(4)].forEach((value, at) => {
        expect(logits[at]).toBeCloseTo(value, 5)
      })
      expect(toNumbers(outputs.get('classes') ?? float32([0]))).toEqual([1, 1, 0, 0])
      expect(toNumbers((await run(unitOffsets(2, [1]))).get('classes') ?? float32([0]))).toEqual([1, 1, 1, 1])
      await executable.dispose()
    },
  )
})
