import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { forDevice } from '../src/engine/for-device.ts'
import { modelFromOnnx, withParameters } from '../src/model/import/onnx-model.ts'
import { ModelProtoSchema } from '../src/onnx/onnx_pb.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'
import { lossAndGradients } from '../src/train/inspect/grad.ts'
import {
  buildTraining,
  FLOOR,
  families,
  learningRate,
  minus,
  norm,
  numbersOf,
  readFamily,
  stepErrors,
  steps,
  trained,
} from './families.ts'
import { engine } from './op-cases.ts'

/** The file's message without the values of its initialisers. */
function withoutValues(bytes: Uint8Array): Uint8Array {
  const { graph, ...rest } = decodeModel(bytes)
  const initializer = graph?.initializer.map((tensor) => ({ ...tensor, rawData: new Uint8Array() }))
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { ...rest, graph: graph && { ...graph, initializer: initializer ?? [] } }),
  )
}

describe.each(families)('$name', (family) => {
  const fixture = readFamily(family)
  const { bytes, model, batch, expected } = fixture
  const whole = norm(Array.from(expected.values(), ({ gradient }) => norm(gradient)))

  it('trains what PyTorch trains', () => {
    expect([...model.parameters.keys()].sort()).toEqual([...expected.keys()].sort())
  })

  it("has PyTorch's loss and gradients", async () => {
    const found = await lossAndGradients({ engine, model, batch, loss: family.loss })
    expect(Math.abs(found.loss / family.expectedLoss - 1)).toBeLessThan(1e-5)
    for (const [name, { gradient }] of expected) {
      const off = minus(numbersOf(found.gradients, name), gradient)
      expect(off.length, name).toBe(gradient.length)
      expect(norm(off), name).toBeLessThan(1e-3 * norm(gradient) + FLOOR * whole)
    }
  })

  it.each([
    ['as it is', false],
    ['without loops', true],
  ])("ends three steps of Adam with PyTorch's parameters, %s", async (_, flat) => {
    const after = await trained(family, fixture, { flat })
    let astray = 0
    for (const [name, { gradient, change }] of expected) {
      const before = numbersOf(model.parameters, name)
      const { told, rounding } = stepErrors(fixture, after, name)
      expect(told.length + rounding.length, name).toBe(before.length)
      expect(gradient.length, name).toBe(before.length)
      expect(norm(told), name).toBeLessThan(1e-3 * norm(before))
      expect(norm(told), `change of ${name}`).toBeLessThan(1e-2 * norm(change) + 1e-9)
      expect(Math.max(0, ...rounding), name).toBeLessThan(1.01 * steps * learningRate)
      astray += rounding.filter((error) => error > 1e-3 * learningRate).length
    }
    expect(astray / family.parameters).toBeLessThan(0.01)
  })

  it('has a step of ops that WebGPU has', () => {
    const { bytes: step } = buildTraining(family.loss, model, batch, { flat: true })
    expect([...forDevice(step).lacking.keys()]).toEqual([])
  })

  it('is written back byte for byte, and with other weights differs in them only', () => {
    expect(Buffer.compare(withParameters(bytes, model.parameters), bytes)).toBe(0)
    const others = new Map<string, Tensor>(
      Array.from(model.parameters, ([name, { dims, data }]) => [
        name,
        float32(
          dims,
          (data as Float32Array).map((value) => value * 1.5 + 0.25),
        ),
      ]),
    )
    const written = withParameters(bytes, others)
    expect(modelFromOnnx(written, { output: model.output }).parameters).toEqual(others)
    expect(Buffer.compare(withoutValues(written), withoutValues(bytes))).toBe(0)
    expect(written.byteLength).toBe(bytes.byteLength)
  })
})
