import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import { classLabels, subset } from '../../data/dataset.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { featureSums } from '../../evaluate/feature-sums.ts'
import { openReader } from '../../evaluate/reader.ts'
import { linearHead, summedHead } from '../../methods/closed-form/index.ts'
import { modelToOnnx } from '../../model/import/index.ts'
import { loadModel } from '../../model/import/index-files.ts'
import { mlp } from '../../model/layers/index.ts'
import { type Model, weightsOf } from '../../model/model.ts'
import { required } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { writeSafetensors } from '../../tensor/safetensors.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { keepModel } from '../pack/index.ts'
import { mergeFiles, writePack } from '../pack/index-files.ts'
import { mergeModels, saveMerged } from './merge-files.ts'

const engine = ortNode({ threads: 1 })
const folder = mkdtempSync(join(tmpdir(), 'holdfast-merge-'))
const place = (name: string): string => join(folder, name)
const classes = blobNames.slice(0, 3)
const rows = blobs({ classes, perClass: 40, seed: 21 })
let base: Model

const write = (name: string, model: Model): string => {
  writeFileSync(place(name), modelToOnnx(model))
  return place(name)
}
/** The model as if a site had trained it. */
function moved(model: Model, seed: number): Model {
  const random = randomStream(seed, 'site')
  const parameters = [...model.parameters].map(([name, { dims, data }]): [string, Tensor] => [
    name,
    float32(
      dims,
      (data as Float32Array).map((value) => value + 0.1 * random.normal()),
    ),
  ])
  return { ...model, parameters: new Map(parameters) }
}
const numbers = (model: Model, name: string): number[] =>
  toNumbers(required(weightsOf(model), name, 'weight'))

beforeAll(async () => {
  base = await blobModel(engine, classes)
  write('base.onnx', base)
  write('north.onnx', moved(base, 1))
  write('south.onnx', moved(base, 2))
})
const sources = { base: place('base.onnx'), models: [place('north.onnx'), place('south.onnx')] }

describe('models as one', () => {
  it('are the mean of their weights, and come back from the file', async () => {
    const merged = await mergeModels({ ...sources, shares: [1, 3] })
    expect(merged).toMatchObject({ weights: 'mean', head: 'weights', rows: undefined })
    await saveMerged(place('merged.onnx'), merged)
    const { model } = await loadModel(place('merged.onnx'))
    const [north, south] = await Promise.all(sources.models.map((path) => loadModel(path)))
    expect(model.classes).toEqual(classes)
    for (const name of base.parameters.keys()) {
      const [a, b] = [north, south].map((each) =>
        numbers(required(new Map([['model', each]]), 'model', 'side').model, name),
      )
      for (const [at, value] of numbers(model, name).entries())
        expect(value).toBeCloseTo(((a?.[at] ?? 0) + 3 * (b?.[at] ?? 0)) / 4, 5)
    }
  })

  it('are weighed by the Fisher of each', async () => {
    const [name = ''] = base.parameters.keys()
    const fisher = [1, 3].map((factor) => {
      const diagonal = new Map(
        [...base.parameters].map(([key, { dims, data }]) => [
          key,
          float32(dims, new Float32Array(data.length).fill(factor)),
        ]),
      )
      const path = place(`fisher-${factor}.safetensors`)
      writeFileSync(path, writeSafetensors(diagonal))
      return path
    })
    const weighed = await mergeModels({ ...sources, fisher })
    const shared = await mergeModels({ ...sources, shares: [1, 3] })
    expect(weighed.weights).toBe('fisher')
    for (const [at, value] of numbers(weighed.model, name).entries())
      expect(value).toBeCloseTo(numbers(shared.model, name)[at] ?? Number.NaN, 6)
    await expect(mergeModels({ ...sources, fisher: fisher.slice(1) })).rejects.toThrow(
      /--fisher has 1 value for 2 models/,
    )
  })

  it('have to be the same network, and it is said where they differ', async () => {
    const refusal = async (other: string) => mergeModels({ ...sources, models: [place('north.onnx'), other] })
    const wide = write('wide.onnx', mlp({ widths: [2, 33, 3], classes, seed: 1 }))
    await expect(refusal(wide)).rejects.toMatchObject({
      code: 'merge-graph',
      message: expect.stringMatching(
        /wide\.onnx and .*base\.onnx.*\[33, 2\] in the first and \[32, 2\] in the second/,
      ),
    })
    const bent = {
      ...base,
      graph: {
        ...base.graph,
        nodes: base.graph.nodes.map((node) => (node.op === 'Relu' ? { ...node, op: 'Tanh' } : node)),
      },
    }
    await expect(refusal(write('bent.onnx', bent))).rejects.toThrow(/node \d+ is .*Relu|Tanh/)
    const named = { ...base, classes: ['x', 'y', 'z'] }
    await expect(refusal(write('named.onnx', named))).rejects.toThrow(
      /classes are 3 .*x, y, z\) in the first and/,
    )
  })

  it('are each another: the same twice, by whatever name, is refused', async () => {
    const copy = write('copy.onnx', moved(base, 1))
    await expect(mergeModels({ ...sources, models: [...sources.models, copy] })).rejects.toMatchObject({
      code: 'merge-twice',
      message: expect.stringMatching(/north\.onnx and .*copy\.onnx are the same model/),
    })
  })
})

describe('a head from the sums of packs', () => {
  const half = (rest: number) =>
    subset(
      rows,
      Int32Array.from(rows.labels.data.keys()).filter((row) => row % 2 === rest),
    )
  const packOf = async (name: string, model: Model, train = rows): Promise<string> => {
    const { pack } = await keepModel({
      engine,
      model,
      identity: { name, sha256: '0'.repeat(64) },
      train,
      sumsOnly: true,
    })
    await writePack(place(name), pack)
    return place(name)
  }

  it('is what all rows together would have given', async () => {
    const { model } = await loadModel(place('base.onnx'))
    const packs = [await packOf('north.keep', model, half(0)), await packOf('south.keep', model, half(1))]
    const merged = await mergeModels({ base: place('base.onnx'), models: [], packs })
    expect(merged).toMatchObject({ weights: 'base', head: 'sums', rows: 120 })
    const reader = openReader(engine, model, 3)
    const sums = await featureSums({
      engine,
      features: await reader.features(rows),
      labels: classLabels(rows),
      classes: 3,
    })
    await reader.dispose()
    const whole = await summedHead(model, linearHead(model), sums, { kind: 'ridge' })
    // Features that go together leave the weights loose, and packs keep sums in float32: what is answered is the same.
    const test = blobs({ classes, perClass: 20, seed: 22 })
    const logitsOf = async (read: Model): Promise<number[]> => {
      const judge = openReader(engine, read, 3)
      const logits = toNumbers(await judge.logits(test))
      await judge.dispose()
      return logits
    }
    const joint = { ...model, parameters: new Map([...model.parameters, ...whole]) }
    const [found, wanted] = [await logitsOf(merged.model), await logitsOf(joint)]
    const most = Math.max(...wanted.map(Math.abs))
    for (const [at, value] of wanted.entries()) {
      expect(Math.abs((found[at] ?? Number.NaN) - value) / most).toBeLessThan(5e-2)
    }
    const answers = (logits: readonly number[]) =>
      Array.from({ length: 60 }, (_, row) => {
        const own = logits.slice(3 * row, 3 * row + 3)
        return own.indexOf(Math.max(...own))
      })
    expect(answers(found)).toEqual(answers(wanted))
    const labels = classLabels(test)
    expect(answers(found).filter((unit, row) => unit === labels[row]).length / 60).toBeGreaterThan(0.8)
  })

  it('counts rows that several packs are of once, and refuses what it cannot take off', async () => {
    const { model } = await loadModel(place('base.onnx'))
    const [one, twin, rest] = [
      await packOf('one.keep', model, half(0)),
      await packOf('twin.keep', model, half(0)),
      await packOf('rest.keep', model, half(1)),
    ]
    await mergeFiles([one, rest], place('joined.keep'))
    const mergeOf = (packs: readonly string[]) => mergeModels({ base: place('base.onnx'), models: [], packs })
    const merged = await mergeOf([one, one, twin])
    expect(merged.rows).toBe(60)
    expect(merged.notes.join('\n')).toMatch(/twin\.keep is of data that .*one\.keep is of, too/)
    expect((await mergeOf([one, place('joined.keep')])).rows).toBe(120)
    const third = await packOf(
      'third.keep',
      model,
      subset(
        rows,
        Int32Array.from({ length: 100 }, (_, row) => row),
      ),
    )
    await mergeFiles([one, third], place('other.keep'))
    await expect(mergeOf([place('joined.keep'), place('other.keep')])).rejects.toMatchObject({
      code: 'pack-overlap',
      message: expect.stringMatching(/other\.keep and .*joined\.keep are both of /),
    })
  })

  it('is refused where the weights below it were trained, or a class has no rows', async () => {
    const { model } = await loadModel(place('base.onnx'))
    const packs = [await packOf('all.keep', model)]
    await expect(mergeModels({ ...sources, packs })).rejects.toMatchObject({
      code: 'merge-sums',
      message: expect.stringContaining('other weights below the head'),
    })
    const two = subset(
      rows,
      Int32Array.from(rows.labels.data.keys()).filter((row) => rows.labels.data[row] !== 2),
    )
    const few = await packOf('few.keep', model, two)
    await expect(mergeModels({ base: place('base.onnx'), models: [], packs: [few] })).rejects.toThrow(
      /No pack has rows of/,
    )
  })
})
