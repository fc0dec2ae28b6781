import { create, toBinary } from '@bufbuild/protobuf'
import * as ort from 'onnxruntime-node'
import { TensorCode } from '../onnx/codes.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { ModelProtoSchema } from '../onnx/onnx_pb.ts'
import { zeros } from '../tensor/bytes.ts'
import { sizeOf, type Tensor } from '../tensor/tensor.ts'
import { toOrt } from './ort-session-node.ts'
import type { Session } from './runtime-profile-node.ts'

/*
 * The runtime's binding for Node copies every tensor that a run gives out into new memory, those too that the run has written where it
 * was told to. For the state of a training step that is all parameters and moments, once a call: page after page that has to be cleared,
 * and garbage. The copies are made after the run, output by output in the graph's order, and the binding gives up at the first that is no
 * tensor. So where all outputs have memory of ours already, a sequence before them ends the call with an error as soon as the run is done.
 */

/** The output that the binding gives up at. */
export const RAN = 'holdfast/ran'

/** Encoded, the field `graph` of a model may come in parts: those of a list are put together in the order in which they come. */
const sequenceFirst = (): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      graph: {
        node: [{ opType: 'SequenceEmpty', name: `/${RAN}`, output: [RAN] }],
        output: [
          {
            name: RAN,
            type: {
              value: {
                case: 'sequenceType',
                value: {
                  elemType: {
                    value: { case: 'tensorType', value: { elemType: TensorCode.float32, shape: {} } },
                  },
                },
              },
            },
          },
        ],
      },
    }),
  )

/** The model with an output before its own at which the binding gives up; its opset is 11 or later. */
export const endedByRan = (model: Uint8Array): Uint8Array => Buffer.concat([sequenceFirst(), model])

let found: Promise<string | undefined> | undefined

/**
 * What the binding says as it gives up; undefined where it does not, or has not run the graph by then. Asked once a process, of a
 * graph of one node.
 */
export function givenUpWith(): Promise<string | undefined> {
  found ??= probed()
  return found
}

async function probed(): Promise<string | undefined> {
  const dims = { type: 'float32', dims: [1] } as const
  const node = { op: 'Neg', domain: '', name: '/negated', inputs: ['x'], outputs: ['y'], attributes: {} }
  const graph = {
    ...{ name: 'probe', inputs: [{ name: 'x', ...dims }], outputs: [{ name: 'y', ...dims }] },
    ...{ initializers: new Map(), nodes: [node] },
  }
  const session = await ort.InferenceSession.create(endedByRan(encodeGraph(graph)), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  const y = new ort.Tensor('float32', Float32Array.of(0), [1])
  try {
    await session.run({ x: new ort.Tensor('float32', Float32Array.of(-1), [1]) }, { [RAN]: null, y })
    return undefined
  } catch (cause) {
    return cause instanceof Error && y.data[0] === 1 ? cause.message : undefined
  } finally {
    await session.release()
  }
}

/**
 * Runs a model of {@link endedByRan}.
 *
 * @param outputs Where all outputs are written.
 * @param givenUp What the binding says when it has done so; {@link givenUpWith}.
 */
export async function runInto(
  session: Session,
  feeds: ort.InferenceSession.FeedsType,
  outputs: ReadonlyMap<string, Tensor>,
  givenUp: string,
): Promise<void> {
  const fetches: Record<string, ort.Tensor | null> = { [RAN]: null }
  for (const [name, tensor] of outputs) fetches[name] = toOrt(tensor)
  try {
    await session.run(feeds, fetches)
  } catch (cause) {
    if (!(cause instanceof Error) || cause.message !== givenUp) throw cause
  }
}

/** The tensor in the dims that the graph declares, where these are of as many numbers. */
export function asDeclared(tensor: Tensor, described: ort.InferenceSession.ValueMetadata): Tensor {
  if (!described.isTensor) return tensor
  const dims = described.shape.filter((size) => typeof size === 'number')
  const known = dims.length === described.shape.length
  return known && sizeOf(dims) === sizeOf(tensor.dims) ? { ...tensor, dims } : tensor
}

/**
 * Tensors for all outputs of a run: those that are given, and new ones for the others. Undefined where it is not known how large one is.
 *
 * @param into Where outputs are to be written, by name.
 */
export function allOutputs(
  session: Session,
  feeds: ReadonlyMap<string, Tensor>,
  into: ReadonlyMap<string, Tensor>,
): Map<string, Tensor> | undefined {
  const sizes = new Map<number | string, number>()
  for (const described of session.inputMetadata) {
    const dims = feeds.get(described.name)?.dims ?? []
    const shape = described.isTensor ? described.shape : []
    for (const [axis, size] of shape.entries()) if (axis < dims.length) sizes.set(size, dims[axis] ?? 0)
  }
  const made = (described: ort.InferenceSession.ValueMetadata): Tensor | undefined => {
    if (!described.isTensor) return undefined
    const dims = described.shape.map((size) => (typeof size === 'number' ? size : sizes.get(size)))
    return dims.every((size) => size !== undefined) ? zeros(described.type, dims) : undefined
  }
  const outputs = new Map<string, Tensor>()
  for (const described of session.outputMetadata) {
    if (described.name === RAN) continue
    const given = into.get(described.name)
    const tensor = given ? asDeclared(given, described) : made(described)
    if (!tensor) return undefined
    outputs.set(described.name, tensor)
  }
  return outputs
}
