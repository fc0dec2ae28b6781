import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { modelFromOnnx, withParameters } from '../src/model/import/onnx-model.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { float32, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { lossAndGradients } from '../src/train/inspect/grad.ts'
import { engine } from './op-cases.ts'

const folder = 'test/fixtures/exports'
const GRADIENT = 'gradient/'

const bytesOf = (name: string): Uint8Array => readFileSync(`${folder}/${name}.onnx`)

function fixture(name: string): {
  readonly batch: ReadonlyMap<string, Tensor>
  readonly loss: number
  readonly gradients: ReadonlyMap<string, Tensor>
} {
  const { tensors } = readSafetensors(readFileSync(`${folder}/${name}.safetensors`))
  const entries = [...tensors]
  const gradients = entries.flatMap(([key, tensor]): [string, Tensor][] =>
    key.startsWith(GRADIENT) ? [[key.slice(GRADIENT.length), tensor]] : [],
  )
  const batch = entries.filter(([key]) => !key.startsWith(GRADIENT) && key !== 'loss')
  const loss = tensors.get('loss')
  return {
    batch: new Map(batch),
    loss: loss ? (toNumbers(loss)[0] ?? Number.NaN) : Number.NaN,
    gradients: new Map(gradients),
  }
}

const numbers = (tensor: Tensor | undefined): number[] => (tensor ? toNumbers(tensor) : [])

describe.each(['tied-decoder', 'frozen-opset9', 'frozen-opset17', 'encoder-opset13', 'spectral-bag'])(
  '%s',
  (name) => {
    const model = modelFromOnnx(bytesOf(name))
    const expected = fixture(name)

    it('trains what PyTorch trains, and nothing else', () => {
      expect([...model.parameters.keys()].sort()).toEqual([...expected.gradients.keys()].sort())
    })

    it("has PyTorch's loss and gradients", async () => {
      const found = await lossAndGradients({ engine, model, batch: expected.batch, loss: 'cross-entropy' })
      expect(Math.abs(found.loss / expected.loss - 1)).toBeLessThan(1e-5)
      const largest = Math.max(
        ...[...expected.gradients.values()].flatMap((tensor) => numbers(tensor).map(Math.abs)),
      )
      for (const [key, gradient] of expected.gradients) {
        const own = found.gradients.get(key)
        expect(own?.dims, key).toEqual(gradient.dims)
        const [ours, torch] = [numbers(own), numbers(gradient)]
        const off = Math.hypot(...ours.map((value, at) => value - (torch[at] ?? Number.NaN)))
        expect(off, key).toBeLessThan(1e-4 * Math.hypot(...torch) + 1e-6 * largest)
      }
    })

    it('is written back as it was, and with other weights reads as these', () => {
      const bytes = bytesOf(name)
      expect(Buffer.compare(withParameters(bytes, model.parameters), bytes)).toBe(0)
      const others = new Map<string, Tensor>(
        Array.from(model.parameters, ([key, { dims, data }]) => [
          key,
          float32(
            dims,
            (data as Float32Array).map((value) => value * 1.5 + 0.25),
          ),
        ]),
      )
      expect(modelFromOnnx(withParameters(bytes, others)).parameters).toEqual(others)
    })
  },
)

describe('a weight that lies in the file twice', () => {
  const bytes = bytesOf('tied-decoder')
  const tied = modelFromOnnx(bytes)
  const apart = modelFromOnnx(bytes, { untie: 'all' })
  const copy = [...apart.parameters.keys()].filter((name) => !tied.parameters.has(name))

  it('is one parameter, and two where they are to be trained apart', () => {
    expect(copy).toHaveLength(1)
    expect(apart.parameters.get(copy[0] ?? '')?.dims).toEqual([6, 13])
    expect(tied.parameters.get('wte.weight')?.dims).toEqual([13, 6])
  })

  it('changes in both places', () => {
    const table = float32(
      [13, 6],
      Array.from({ length: 78 }, (_, at) => at / 10),
    )
    const written = withParameters(bytes, new Map([['wte.weight', table]]))
    const read = modelFromOnnx(written, { untie: 'all' }).parameters
    expect(read.get('wte.weight')).toEqual(table)
    const swapped = numbers(read.get(copy[0] ?? ''))
    expect(swapped).toEqual(
      Array.from({ length: 78 }, (_, at) => table.data[(at % 13) * 6 + Math.floor(at / 13)]),
    )
  })

  it('changes in one place where the copy is given as well', () => {
    const [name = ''] = copy
    const own = apart.parameters.get(name)
    const table = float32([13, 6])
    const written = withParameters(
      bytes,
      new Map([['wte.weight', table], ...(own ? [[name, own] as const] : [])]),
    )
    const read = modelFromOnnx(written, { untie: 'all' }).parameters
    expect(read.get('wte.weight')).toEqual(table)
    expect(read.get(name)).toEqual(own)
  })
})
