import { readdirSync, readFileSync } from 'node:fs'
import { create, equals, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { float32, int64, type Tensor } from '../tensor/tensor.ts'
import { editInitializers } from './edit.ts'
import { graphFromModel } from './from-proto.ts'
import { ModelProtoSchema } from './onnx_pb.ts'
import { decodeModel } from './read.ts'
import { tensorToProto } from './to-proto.ts'
import { concatenate, fieldHead } from './wire.ts'
import { encodeModel } from './write.ts'

const folder = 'test/fixtures/onnx'
const fixtures = readdirSync(folder).filter((name) => name.endsWith('.onnx'))
const load = (name: string): Uint8Array => new Uint8Array(readFileSync(`${folder}/${name}`))

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const field = (number: number, ...value: Uint8Array[]): Uint8Array =>
  concatenate([fieldHead(number, concatenate(value).length), ...value])
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** A model as no ordinary encoder writes it: fields out of order, unpacked lists, long varints, unknown fields. */
function oddModel(): Uint8Array {
  const tensor = concatenate([
    field(8, text('w')),
    field(9999, text('unknown to the tensor')),
    bytes(0x10, 0x81, 0x00), // data_type = 1, in two bytes where one would do
    field(1, bytes(2, 1)), // dims packed, which ONNX's own encoder does not do
    bytes(0x25, 0, 0, 0x80, 0x3f), // float_data = 1, unpacked
    bytes(0x25, 0, 0, 0, 0x40), // float_data = 2, unpacked
    field(12, text('documented')),
  ])
  const graph = concatenate([
    field(5, tensor),
    bytes(0xc3, 0x3e, 0x08, 0x07, 0xc4, 0x3e), // an unknown group
    field(2, text('odd')),
    field(1, field(4, text('Identity')), field(2, text('y')), field(1, text('w'))),
  ])
  return concatenate([
    field(7, graph),
    field(8, bytes(0x10, 0x0d)),
    bytes(0x08, 0x87, 0x80, 0x00),
    bytes(0xf8, 0x3f, 1),
  ])
}

describe('decodeModel and encodeModel', () => {
  it.each(fixtures)('give %s back byte for byte', (name) => {
    expect(encodeModel(decodeModel(load(name), name))).toEqual(load(name))
  })

  it('keep the meaning and unknown fields of a model that was written oddly', () => {
    const model = decodeModel(oddModel())
    const again = decodeModel(encodeModel(model))
    expect(equals(ModelProtoSchema, again, model)).toBe(true)
    expect(again.$unknown).toEqual(model.$unknown)
    expect(again.graph?.$unknown).toHaveLength(1)
    expect(new TextDecoder().decode(again.graph?.initializer[0]?.$unknown?.[0]?.data)).toContain(
      'unknown to the tensor',
    )
    expect(again.irVersion).toBe(7n)
    expect(graphFromModel(again).graph.initializers.get('w')).toEqual(float32([2, 1], [1, 2]))
  })

  it('keep absent and default fields apart', () => {
    const model = create(ModelProtoSchema, {
      graph: { node: [{ attribute: [{ name: 'axis', i: 0n }] }] },
      domain: '',
    })
    const again = decodeModel(encodeModel(model))
    expect(again.domain).toBe('')
    expect(again.producerName).toBeUndefined()
    expect(again.graph?.node[0]?.attribute[0]?.i).toBe(0n)
  })
})

describe('editInitializers', () => {
  it('changes nothing where nothing is asked for, however the model was written', () => {
    for (const name of fixtures) expect(editInitializers(load(name), new Map())).toEqual(load(name))
    expect(editInitializers(oddModel(), new Map())).toEqual(oddModel())
  })

  it.each(fixtures)('gives %s back byte for byte when its own values are put in', (name) => {
    const { graph } = graphFromModel(decodeModel(load(name)))
    expect(editInitializers(load(name), graph.initializers)).toEqual(load(name))
  })

  it('changes only the elements of an oddly written tensor', () => {
    const edited = editInitializers(oddModel(), new Map([['w', float32([2, 1], [3, 4])]]))
    const expected = concatenate([
      field(8, text('w')),
      field(9999, text('unknown to the tensor')),
      bytes(0x10, 0x81, 0x00),
      field(1, bytes(2, 1)),
      field(9, new Uint8Array(Float32Array.of(3, 4).buffer)),
      field(12, text('documented')),
    ])
    const start = edited.findIndex((_, index) => expected.every((byte, at) => edited[index + at] === byte))
    expect(start).toBeGreaterThan(0)
    const tail = oddModel().subarray(-7)
    expect(edited.subarray(-7)).toEqual(tail)
    expect(graphFromModel(decodeModel(edited)).graph.initializers.get('w')).toEqual(float32([2, 1], [3, 4]))
  })

  it('changes dims and type where the new tensor has others, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...fixtures),
        fc.array(fc.nat(4), { maxLength: 3 }),
        fc.nat(20),
        (name, dims, pick) => {
          const model = decodeModel(load(name))
          const initializers = model.graph?.initializer ?? []
          const target = initializers[pick % Math.max(initializers.length, 1)]
          if (!target) return
          const size = dims.reduce((product, dim) => product * dim, 1)
          const tensor: Tensor = int64(dims, new BigInt64Array(size).fill(7n))
          const edited = decodeModel(editInitializers(load(name), new Map([[target.name ?? '', tensor]])))
          Object.assign(target, tensorToProto(target.name ?? '', tensor))
          expect(equals(ModelProtoSchema, edited, model)).toBe(true)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('names the initialiser that the model lacks', () => {
    expect(() => editInitializers(oddModel(), new Map([['v', float32([])]]))).toThrow(
      expect.objectContaining({ code: 'initializer-missing', message: expect.stringContaining('"v"') }),
    )
  })
})

describe('decodeModel refuses', () => {
  const model = load('mlp-opset13.onnx')
  const codeOf = (content: Uint8Array): unknown => {
    try {
      decodeModel(content, 'm.onnx')
      return 'none'
    } catch (error) {
      expect((error as Error).message).toContain('m.onnx')
      return (error as { code: string }).code
    }
  }

  it('an empty file', () => expect(codeOf(new Uint8Array())).toBe('model-empty'))

  it('a file cut anywhere', () => {
    for (let length = 1; length < model.length; length++) {
      const code = codeOf(model.subarray(0, length))
      // Cut between two outermost fields it is a shorter message, with or without its graph.
      expect(['model-truncated', 'model-no-graph', 'none']).toContain(code)
      if (code === 'none') expect(decodeModel(model.subarray(0, length)).graph).toBeDefined()
    }
    expect(codeOf(model.subarray(0, model.length / 2))).toBe('model-truncated')
  })

  it('other kinds of files, saying what they are', () => {
    for (const start of [
      'version https://git-lfs.github.com/spec/v1\n',
      '<!doctype html>',
      '{"a":1}',
      'PK\u0003\u0004...',
    ]) {
      expect(codeOf(text(start))).toBe('model-not-onnx')
    }
    expect(() => decodeModel(text('version https://git-lfs.github.com/spec/v1\n'))).toThrow('git lfs pull')
    expect(codeOf(bytes(0xff, 0xff, 0xff))).toBe('model-not-onnx')
    expect(codeOf(bytes(0x0a, 1, 65))).toBe('model-not-onnx')
  })

  it('any bytes, with an error of its own and no other', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(500), (noise, at) => {
        const damaged = model.slice()
        damaged.set(noise, at)
        for (const content of [noise, damaged]) {
          expect(['none', 'model-truncated', 'model-no-graph', 'model-not-onnx']).toContain(codeOf(content))
        }
      }),
    )
  })

  it('a model without a graph', () => {
    const empty = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n }))
    expect(codeOf(empty)).toBe('model-no-graph')
    expect(fromBinary(ModelProtoSchema, empty).irVersion).toBe(8n)
  })
})
