import { create, toBinary } from '@bufbuild/protobuf'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { AttributeCode, TensorCode } from './codes.ts'
import { encodeGraph } from './encode.ts'
import { graphFromModel } from './from-proto.ts'
import { type ModelProto, ModelProtoSchema } from './onnx_pb.ts'

const tensorInfo = (name: string) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType: TensorCode.float32,
        shape: { dim: [{ value: { case: 'dimValue' as const, value: 4n } }] },
      },
    },
  },
})
const scalar = (name: string, value: number) => ({
  name,
  dims: [],
  dataType: TensorCode.float32,
  floatData: [value],
})
const standard = [{ domain: '', version: 17n }]

/**
 * sharp(x; slope = 2, depth) = leaky(x; alpha = slope) * 3, behind a branch that reads the function's input; leaky calls
 * LeakyRelu with its own attribute; bounded leaves Clip's second bound out where the call does.
 */
const model = (): ModelProto =>
  create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [...standard, { domain: 'local', version: 1n }],
    functions: [
      {
        name: 'leaky',
        domain: 'local',
        input: ['x'],
        output: ['y'],
        attribute: ['alpha'],
        opsetImport: standard,
        node: [
          {
            opType: 'LeakyRelu',
            name: 'relu',
            input: ['x'],
            output: ['y'],
            attribute: [{ name: 'alpha', type: AttributeCode.float, refAttrName: 'alpha' }],
          },
        ],
      },
      {
        name: 'sharp',
        domain: 'local',
        input: ['x'],
        output: ['y', 'same'],
        attributeProto: [{ name: 'slope', type: AttributeCode.float, f: 2 }],
        opsetImport: [...standard, { domain: 'local', version: 1n }],
        node: [
          {
            opType: 'leaky',
            domain: 'local',
            name: 'call',
            input: ['x'],
            output: ['inner'],
            attribute: [{ name: 'alpha', type: AttributeCode.float, refAttrName: 'slope' }],
          },
          {
            opType: 'Constant',
            input: [],
            output: ['yes'],
            attribute: [
              {
                name: 'value',
                type: AttributeCode.tensor,
                t: { dims: [], dataType: TensorCode.bool, int32Data: [1] },
              },
            ],
          },
          {
            opType: 'If',
            name: 'branch',
            input: ['yes'],
            output: ['y'],
            attribute: [
              {
                name: 'then_branch',
                type: AttributeCode.graph,
                g: {
                  name: 'then',
                  initializer: [scalar('three', 3)],
                  node: [{ opType: 'Mul', input: ['inner', 'three'], output: ['product'] }],
                  output: [tensorInfo('product')],
                },
              },
              {
                name: 'else_branch',
                type: AttributeCode.graph,
                g: {
                  name: 'else',
                  node: [{ opType: 'Neg', input: ['x'], output: ['negative'] }],
                  output: [tensorInfo('negative')],
                },
              },
            ],
          },
          { opType: 'Identity', input: ['x'], output: ['same'] },
        ],
      },
      {
        name: 'bounded',
        domain: 'local',
        input: ['x', 'low', 'high'],
        output: ['y'],
        opsetImport: standard,
        node: [{ opType: 'Clip', input: ['x', 'low', 'high'], output: ['y'] }],
      },
    ],
    graph: {
      name: 'g',
      input: [tensorInfo('x')],
      output: [tensorInfo('y'), tensorInfo('z')],
      // A name that a function's inside would get, taken already.
      initializer: [scalar('low', -1), scalar('first/inner', 1)],
      node: [
        { opType: 'sharp', domain: 'local', name: 'first', input: ['x'], output: ['a', 'b'] },
        {
          opType: 'sharp',
          domain: 'local',
          name: 'second',
          input: ['b'],
          output: ['c', ''],
          attribute: [{ name: 'slope', type: AttributeCode.float, f: 0.25 }],
        },
        { opType: 'bounded', domain: 'local', name: '', input: ['c', 'low'], output: ['y'] },
        { opType: 'Add', input: ['a', 'first/inner'], output: ['z'] },
      ],
    },
  })

async function run(bytes: Uint8Array): Promise<Record<string, number[]>> {
  const session = await InferenceSession.create(bytes)
  const results = await session.run({ x: new OrtTensor('float32', Float32Array.of(-2, -1, 0.5, 3), [4]) })
  await session.release()
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]),
  )
}

describe('functions of a model', () => {
  it('are put in place of their calls, and compute what they did', async () => {
    const { graph, opsets } = graphFromModel(model())
    expect(graph.nodes.map(({ op }) => op)).toEqual([
      ...['LeakyRelu', 'Constant', 'If', 'Identity'],
      ...['LeakyRelu', 'Constant', 'If', 'Identity'],
      ...['Clip', 'Add'],
    ])
    expect(graph.nodes.map(({ name }) => name)).toContain('second/call/relu')
    const expected = await run(toBinary(ModelProtoSchema, model()))
    expect(await run(encodeGraph(graph, { opsets }))).toEqual(expected)
    expect(expected.y).toEqual([-1, -0.75, 1.5, 9])
  })

  it('bring the operator sets that only they import', () => {
    const message = model()
    message.opsetImport = message.opsetImport.filter(({ domain }) => domain === 'local')
    expect(graphFromModel(message).opsets).toEqual({ '': 17, local: 1 })
  })

  it('may not call themselves', () => {
    const message = model()
    const [leaky] = message.functions
    if (leaky?.node[0]) Object.assign(leaky.node[0], { opType: 'leaky', domain: 'local' })
    expect(() => graphFromModel(message)).toThrow(
      expect.objectContaining({
        code: 'function-cycle',
        message: expect.stringMatching(/"leaky".*calls itself/),
      }),
    )
  })
})
