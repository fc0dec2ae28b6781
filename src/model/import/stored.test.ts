import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { storages, storedAs } from '../../../test/stored-models.ts'
import { DataLocation } from '../../onnx/index.ts'
import { decodeModel } from '../../onnx/read.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { widenHead } from '../heads/index.ts'
import { mlp } from '../layers/index.ts'
import { modelFromOnnx, modelToOnnx, withParameters } from './onnx-model.ts'
import { readBackOf, storedChanges } from './stored.ts'

const model = mlp({ widths: [3, 5, 4], classes: ['a', 'b', 'c', 'd'], seed: 1 })

/** Weights that have moved: by a little, or out of the range that they were kept in. */
function moved(parameters: ReadonlyMap<string, Tensor>, seed: number, by: number): Map<string, Tensor> {
  const random = randomStream(seed, 'moved')
  return new Map(
    Array.from(parameters, ([name, { dims, data }]) => [
      name,
      float32(
        dims,
        Float32Array.from(data as Float32Array, (value) => value + by * random.normal()),
      ),
    ]),
  )
}

const numbers = (weights: ReadonlyMap<string, Tensor>) =>
  new Map(
    Array.from(weights, ([name, { dims, data }]) => [
      name,
      { dims: [...dims], data: [...(data as Float32Array)] },
    ]),
  )

describe.each(storages)('weights kept as %s', (storage) => {
  const bytes = storedAs(model, storage)
  const proto = decodeModel(bytes)
  const read = modelFromOnnx(bytes, { classes: model.classes })
  const wider = widenHead(read, { classes: ['e', 'f'] })
  const stored = readBackOf(proto, [...read.parameters.keys()])

  test.each([
    ['of the head that was there', read],
    ['of a head with more classes', wider],
  ])('are read back as the file gives them, and keep its bits when they are kept again: %s', (_, from) => {
    fc.assert(
      fc.property(fc.nat(1000), fc.constantFrom(0, 1e-4, 0.01, 0.3, 3), (seed, by) => {
        const weights = moved(from.parameters, seed, by)
        const back = stored?.(weights) ?? weights
        const once = withParameters(bytes, weights)
        expect(numbers(back)).toEqual(numbers(modelFromOnnx(once).parameters))
        expect(withParameters(bytes, back)).toEqual(once)
      }),
      { numRuns: 15 },
    )
  })
})

test('weights that a file keeps in float32 are not read back: they are what they are', () => {
  expect(readBackOf(decodeModel(storedAs(model, 'float16')), ['layers.0.bias'])).toBeUndefined()
})

test('a loaded file is read one tensor at a time when it is written back, and each once', () => {
  const big = mlp({ widths: [20, 30, 20] })
  const bytes = modelToOnnx(big)
  const { graph } = decodeModel(bytes)
  const outside = decodeModel(bytes)
  for (const tensor of outside.graph?.initializer ?? []) {
    tensor.dataLocation = DataLocation.external
    delete tensor.rawData
  }
  const reads: string[] = []
  const externalData = ({ name = '' }: { name?: string | undefined }) => {
    reads.push(name)
    return graph?.initializer.find((tensor) => tensor.name === name)?.rawData ?? new Uint8Array()
  }
  const { parameters } = modelFromOnnx(outside, { externalData })
  reads.length = 0
  expect(storedChanges(outside, parameters, externalData).size).toBe(0)
  expect(reads.sort()).toEqual([...parameters.keys()].sort())
})
