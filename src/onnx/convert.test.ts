import { readFileSync } from 'node:fs'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { bytesOf, storageLengthOf, zeros } from '../tensor/bytes.ts'
import { type DType, float32, type Tensor } from '../tensor/tensor.ts'
import { AttributeCode, dtypeOfCode, TensorCode } from './codes.ts'
import { encodeGraph } from './encode.ts'
import { attributeFromProto, graphFromModel, valueInfoFromProto } from './from-proto.ts'
import { type Attribute, float, floats, strings, tensor } from './graph.ts'
import {
  AttributeProtoSchema,
  ModelProtoSchema,
  SparseTensorProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from './onnx_pb.ts'
import { decodeModel } from './read.ts'
import { tensorFromProto, tensorFromSparseProto } from './tensor-proto.ts'
import { attributeToProto, tensorToProto, valueInfoToProto } from './to-proto.ts'

const types = Object.keys(TensorCode) as DType[]
const load = (name: string) => decodeModel(new Uint8Array(readFileSync(`test/fixtures/onnx/${name}`)), name)
const throughWire = (proto: TensorProto): TensorProto =>
  fromBinary(TensorProtoSchema, toBinary(TensorProtoSchema, proto))

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...types), fc.array(fc.nat(4), { maxLength: 3 }), fc.uint8Array({ minLength: 1 }))
  .map(([type, dims, noise]): Tensor => {
    const made = zeros(type, dims)
    if (type === 'string') (made.data as string[]).fill(`é${noise[0]}`)
    else bytesOf(made).set(Array.from(bytesOf(made), (_, index) => noise[index % noise.length] ?? 0))
    return made
  })

describe('tensors', () => {
  it('come back from raw data, whatever their type', () => {
    fc.assert(
      fc.property(anyTensor, (value) => {
        expect(tensorFromProto(throughWire(tensorToProto('t', value)))).toEqual(value)
      }),
    )
  })

  it('come from the typed field that the specification names for their type', () => {
    const cases: readonly [DType, Partial<TensorProto>, number[], ArrayLike<number | bigint>][] = [
      ['float32', { floatData: [1.5, -2] }, [2], [1.5, -2]],
      ['complex64', { floatData: [1, 2, 3, 4] }, [2], [1, 2, 3, 4]],
      ['float64', { doubleData: [0.1] }, [1], [0.1]],
      ['complex128', { doubleData: [0.1, 0.2] }, [1], [0.1, 0.2]],
      ['int32', { int32Data: [-1, 7] }, [2], [-1, 7]],
      ['int16', { int32Data: [-300] }, [1], [-300]],
      ['int8', { int32Data: [-1] }, [1], [-1]],
      ['uint16', { int32Data: [65535] }, [1], [65535]],
      ['uint8', { int32Data: [255] }, [1], [255]],
      ['bool', { int32Data: [1, 0] }, [2], [1, 0]],
      ['float16', { int32Data: [0x3c00] }, [1], [0x3c00]],
      ['bfloat16', { int32Data: [0x3f80] }, [1], [0x3f80]],
      ['float8e4m3fn', { int32Data: [0x38] }, [1], [0x38]],
      ['int4', { int32Data: [0xf7, 0x01] }, [3], [0xf7, 0x01]],
      ['float4e2m1', { int32Data: [0x21] }, [2], [0x21]],
      ['uint2', { int32Data: [0x1b] }, [4], [0x1b]],
      ['int64', { int64Data: [-(2n ** 63n)] }, [1], [-(2n ** 63n)]],
      ['uint64', { uint64Data: [2n ** 64n - 1n] }, [1], [2n ** 64n - 1n]],
      ['uint32', { uint64Data: [4294967295n] }, [1], [4294967295]],
    ]
    for (const [type, fields, dims, expected] of cases) {
      const proto = create(TensorProtoSchema, {
        ...(fields as object),
        dataType: TensorCode[type],
        dims: dims.map(BigInt),
      })
      const read = tensorFromProto(throughWire(proto))
      expect(read.type).toBe(type)
      expect(Array.from(read.data as ArrayLike<unknown>)).toEqual(Array.from(expected))
      expect(read.data).toHaveLength(storageLengthOf(type, dims))
    }
  })

  it('are refused with a code when they are not what they say', () => {
    const code = (fields: object) => {
      try {
        tensorFromProto(create(TensorProtoSchema, { name: 'w', ...fields }))
        return 'none'
      } catch (error) {
        expect((error as Error).message).toContain('"w"')
        return (error as { code: string }).code
      }
    }
    expect(code({ dims: [2n] })).toBe('tensor-type')
    expect(code({ dims: [2n], dataType: 99 })).toBe('tensor-type')
    expect(code({ dims: [-1n], dataType: 1 })).toBe('tensor-dims')
    expect(code({ dims: [2n ** 40n, 2n ** 40n], dataType: 1 })).toBe('tensor-dims')
    expect(code({ dims: [2n], dataType: 1, rawData: new Uint8Array(7) })).toBe('tensor-size')
    expect(code({ dims: [2n], dataType: 1, floatData: [1] })).toBe('tensor-size')
    expect(code({ dims: [1n], dataType: 8, stringData: [Uint8Array.of(0xff)] })).toBe('tensor-string')
    expect(code({ dims: [1n], dataType: 1, segment: {} })).toBe('tensor-segment')
    expect(code({ dims: [1n], dataType: 1, dataLocation: 1 })).toBe('external-data-missing')
    expect(code({ dims: [0n], dataType: 1 })).toBe('none')
  })

  it('that are sparse come out dense, from both forms of indices', () => {
    const values = tensorToProto('w', float32([2], [5, 6]))
    const make = (indices: number[], dims: number[]) => ({
      values,
      dims: [2n, 3n],
      indices: tensorToProto('', { type: 'int64', dims, data: BigInt64Array.from(indices, BigInt) }),
    })
    const dense = float32([2, 3], [0, 5, 0, 0, 0, 6])
    expect(tensorFromSparseProto(create(SparseTensorProtoSchema, make([1, 5], [2])))).toEqual(dense)
    expect(tensorFromSparseProto(create(SparseTensorProtoSchema, make([0, 1, 1, 2], [2, 2])))).toEqual(dense)
    for (const wrong of [make([1, 6], [2]), make([1], [1]), make([0, 1, 2, 2, 2, 2], [2, 3])]) {
      expect(() => tensorFromSparseProto(create(SparseTensorProtoSchema, wrong))).toThrow(
        expect.objectContaining({ code: 'tensor-sparse' }),
      )
    }
  })

  it('have a code for every type and a type for every code', () => {
    for (const type of types) expect(dtypeOfCode(TensorCode[type])).toBe(type)
    expect(Object.values(TensorCode).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 26 }, (_, index) => index + 1),
    )
  })
})

describe('attributes', () => {
  it('come back as they were', () => {
    const all: Attribute[] = [
      3,
      -(2 ** 53 - 1),
      [],
      [1, -2],
      'text',
      '',
      float(0.5),
      float(Number.NEGATIVE_INFINITY),
      floats([1, 2]),
      strings(['a', '']),
      tensor(float32([2], [1, 2])),
    ]
    for (const attribute of all)
      expect(attributeFromProto(attributeToProto('a', attribute))).toEqual(attribute)
  })

  it('that nothing else says stay raw, without loss', () => {
    const raws = [
      { type: AttributeCode.graphs, graphs: [{ name: 'g' }] },
      { type: AttributeCode.typeProto, tp: { denotation: 'IMAGE' } },
      { type: AttributeCode.int, i: 2n ** 53n + 1n },
      { type: AttributeCode.string, s: Uint8Array.of(0xff) },
      { type: AttributeCode.float, refAttrName: 'alpha' },
    ]
    for (const fields of raws) {
      const proto = create(AttributeProtoSchema, { name: 'a', ...fields })
      const attribute = attributeFromProto(proto)
      expect(attribute).toMatchObject({ kind: 'raw' })
      expect(attributeToProto('a', attribute)).toEqual(proto)
    }
  })

  it('keep "to the end", INT64_MAX, through a double', () => {
    for (const i of [2n ** 63n - 1n, -(2n ** 63n)]) {
      const attribute = attributeFromProto(create(AttributeProtoSchema, { type: AttributeCode.int, i }))
      expect(attribute).toBe(Number(i))
      expect(attributeToProto('end', attribute).i).toBe(i)
    }
  })

  it('of files that do not say their kind are what field they have', () => {
    expect(attributeFromProto(create(AttributeProtoSchema, { ints: [1n, 2n] }))).toEqual([1, 2])
    expect(attributeFromProto(create(AttributeProtoSchema, { f: 0 }))).toEqual(float(0))
  })
})

describe('inputs and outputs', () => {
  it('come back with symbolic, unknown and concrete sizes', () => {
    for (const dims of [['batch', 3, ''], [], undefined]) {
      const info = { name: 'x', type: 'float16' as const, dims }
      expect(valueInfoFromProto(valueInfoToProto(info))).toEqual(info)
    }
  })

  it('without a type pass in subgraphs only', () => {
    const proto = create(ValueInfoProtoSchema, { name: 'x' })
    const info = valueInfoFromProto(proto, true)
    expect(info.untyped).toBe(true)
    expect(valueInfoToProto(info)).toEqual(proto)
    expect(() => valueInfoFromProto(proto)).toThrow(expect.objectContaining({ code: 'graph-value' }))
  })

  it('that are no tensors are refused by kind', () => {
    const map = { case: 'mapType' as const, value: { keyType: 7 } }
    const proto = create(ValueInfoProtoSchema, { name: 'scores', type: { value: map } })
    expect(() => valueInfoFromProto(proto)).toThrow(/"scores" has a map/)
  })
})

describe('graphFromModel', () => {
  it('reads what PyTorch exported', () => {
    const { graph, opsets, irVersion, producer } = graphFromModel(load('mlp-opset13.onnx'))
    expect({ opsets, irVersion, producer }).toEqual({ opsets: { '': 13 }, irVersion: 7, producer: 'pytorch' })
    expect(graph.inputs).toEqual([{ name: 'x', type: 'float32', dims: ['batch', 4] }])
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Gemm', 'Relu', 'Gemm'])
    expect(graph.nodes[0]?.attributes).toEqual({ alpha: float(1), beta: float(1), transB: 1 })
    expect([...graph.initializers].map(([name, { dims }]) => [name, dims])).toEqual([
      ['0.weight', [8, 4]],
      ['0.bias', [8]],
      ['2.weight', [3, 8]],
      ['2.bias', [3]],
    ])
  })

  it('does not count initialisers among the inputs of old models', () => {
    const model = load('mlp-opset9-inputs.onnx')
    expect(model.graph?.input).toHaveLength(5)
    expect(graphFromModel(model).graph.inputs.map(({ name }) => name)).toEqual(['x'])
  })

  it.each([
    ['mlp-opset13.onnx', [2, 4]],
    ['cnn-opset16.onnx', [2, 1, 8, 8]],
    ['transformer-opset14.onnx', [2, 5, 8]],
    ['branch-opset15.onnx', [2, 3]],
  ])('rebuilds %s so that it computes the same', async (name, dims) => {
    const model = load(name)
    const { graph, opsets, irVersion } = graphFromModel(model)
    const rebuilt = await InferenceSession.create(encodeGraph(graph, { opsets, irVersion }))
    const original = await InferenceSession.create(toBinary(ModelProtoSchema, model))
    const size = dims.reduce((product, dim) => product * dim, 1)
    const x = new OrtTensor(
      'float32',
      Float32Array.from({ length: size }, (_, index) => Math.sin(index + 1)),
      dims,
    )
    const expected = (await original.run({ x })).y
    expect((await rebuilt.run({ x })).y?.data).toEqual(expected?.data)
    await Promise.all([rebuilt.release(), original.release()])
  })

  it('refuses two initialisers of one name', () => {
    const model = load('mlp-opset13.onnx')
    const [first] = model.graph?.initializer ?? []
    if (first) model.graph?.initializer.push(first)
    expect(() => graphFromModel(model)).toThrow(expect.objectContaining({ code: 'graph-duplicate' }))
  })
})
