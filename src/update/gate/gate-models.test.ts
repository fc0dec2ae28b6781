import { describe, expect, it } from 'vitest'
import { createDataset, type Dataset } from '../../data/dataset.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { mlp } from '../../model/layers/networks.ts'
import { float32 } from '../../tensor/tensor.ts'
import { labelNames, logitsFor, predictionsFrom } from './gate-models.ts'
import { nearestRows } from './gate-nearest.ts'

const engine = ortNode({ threads: 1 })
const named = (name: string, classes: readonly string[]) => ({
  name,
  model: mlp({ widths: [2, classes.length], classes: [...classes], seed: 3 }),
})
const data = (classes: readonly string[], labels: readonly number[]): Dataset =>
  createDataset({
    name: 'data',
    inputs: float32(
      [labels.length, 2],
      Array.from({ length: 2 * labels.length }, (_, n) => n),
    ),
    labels: { type: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
    classes: [...classes],
  })

describe('classes', () => {
  it('go by the names of the data', () => {
    const models = [named('a', ['dog', 'cat']), named('b', ['cat', 'cow', 'dog'])]
    expect(labelNames(data(['cat', 'dog'], [0, 1]), models).names).toEqual(['cat', 'dog'])
  })
  it('go by the names of the models where the data have numbers, if the models agree', () => {
    const models = [named('a', ['cat', 'dog']), named('b', ['cat', 'dog', 'cow'])]
    const positions = { numbersArePositions: true }
    expect(labelNames(data(['0', '1'], [0, 1]), models, positions).names).toEqual(['cat', 'dog'])
    expect(() => labelNames(data(['0', '1'], [0, 1]), models)).toThrow('--numbers-are-positions')
    const turned = [named('a', ['cat', 'dog']), named('b', ['dog', 'cat'])]
    expect(() => labelNames(data(['0', '1'], [0, 1]), turned, positions)).toThrow(
      'class 0 is "dog" in b and "cat" in a',
    )
  })
  it('are refused where a model has none of them, or no model has one', () => {
    expect(() =>
      labelNames(data(['cat', 'dog'], [0]), [named('a', ['cat', 'dog']), named('b', ['0', '1'])]),
    ).toThrow('b: none of its classes (0, 1) is among the labels')
    expect(() => labelNames(data(['cat', 'Dog'], [0, 1]), [named('a', ['cat', 'dog'])])).toThrow('"Dog"')
  })
  it('are refused in other words where all of them are new to the older model', () => {
    const models = [named('old', ['cat', 'dog']), named('new', ['cat', 'dog', 'cow', 'hen'])]
    expect(() => labelNames(data(['cow', 'hen'], [0, 1]), models)).toThrow(
      'old: all classes of data (cow, hen) are new to it, so it has no answer to hold new to. Give data with classes that both know; on these, new can be held against itself.',
    )
  })
})

describe('models', () => {
  it('answer with the class of the largest logit and its softmax', async () => {
    const model = named('a', ['x', 'y', 'z'])
    const logits = await logitsFor(engine, model, data(['x', 'y', 'z'], [0, 1, 2]))
    const made = float32([3, 3], [0, 0, Math.log(2), 5, 5, 5, -3, -1, -2])
    expect(logits.dims).toEqual(made.dims)
    const { predictions } = predictionsFrom(model, made, data(['x', 'y', 'z'], [0, 1, 2]), ['x', 'y', 'z'])
    expect(predictions.map(({ id, label, pred }) => [id, label, pred])).toEqual([
      ['0', 'x', 'z'],
      ['1', 'y', 'x'],
      ['2', 'z', 'y'],
    ])
    expect(Object.values(predictions[0]?.probs ?? {})[0]).toBeCloseTo(0.5, 6)
    expect(Object.values(predictions[1]?.probs ?? {})[0]).toBeCloseTo(1 / 3, 6)
  })
  it('are refused where a logit is no number', () => {
    const broken = float32([1, 2], [0, Number.NaN])
    const run = () => predictionsFrom(named('a', ['x', 'y']), broken, data(['x', 'y'], [0]), ['x', 'y'])
    expect(run).toThrow('a: the logits of row 0 are not all finite numbers')
  })
})

describe('the nearest rows', () => {
  it('are those at the smallest distance, for any number of queries', async () => {
    const pool = float32([4, 2], [0, 0, 10, 0, 0, 10, 3, 3])
    expect(await nearestRows(engine, float32([3, 2], [1, 1, 8, 1, 2, 2.5]), pool)).toEqual([0, 1, 3])
    expect(await nearestRows(engine, float32([0, 2], []), pool)).toEqual([])
    const many = Array.from({ length: 150 }, (_, n) => (n % 2 ? [9, 0] : [0, 9])).flat()
    expect(await nearestRows(engine, float32([150, 2], many), pool)).toEqual(
      Array.from({ length: 150 }, (_, n) => (n % 2 ? 1 : 2)),
    )
  })
})
