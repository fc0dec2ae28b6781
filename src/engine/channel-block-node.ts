import * as ort from 'onnxruntime-node'
import { GraphBuilder } from '../autodiff/builder.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { randomStream } from '../tensor/random.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { toOrt } from './ort-session-node.ts'

/** Channels in a block with AVX-512, and with less. */
const sizes = [16, 8]

/** Whole blocks of either size, and as many positions as convolutions in blocks have at the least. */
const DIMS = { x: [1, 32, 8, 8], w: [32, 32, 3, 3] } as const
const TOLERANCE = 1e-4

let found: Promise<number | undefined> | undefined

/**
 * How many channels the blocked kernels of the runtime's CPU provider take together on this machine; undefined where it has none.
 * Asked once a process: the same small convolution is computed plainly and in blocks of either size. What is right decides and
 * not what is fast, so that a machine's answer is always the same.
 */
export function channelBlock(): Promise<number | undefined> {
  found ??= probed()
  return found
}

async function probed(): Promise<number | undefined> {
  // Elsewhere the kernels may be missing, and calling them ends the process.
  if (process.arch !== 'x64') return undefined
  const expected = await convolved(undefined)
  for (const size of sizes) {
    const values = await convolved(size)
    const near = expected.every((value, at) => Math.abs(value - (values[at] ?? Number.NaN)) < TOLERANCE)
    if (near) return size
  }
  return undefined
}

async function convolved(block: number | undefined): Promise<Float32Array> {
  const builder = new GraphBuilder(undefined, { channelBlock: block })
  const x = drawn('x', DIMS.x)
  const w = drawn('w', DIMS.w)
  const inputs = [builder.input('x', x), builder.input('w', w)]
  builder.output(builder.op('Conv', inputs, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }), 'y')
  const session = await ort.InferenceSession.create(encodeGraph(builder.finish('probe')), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  const { y } = await session.run({ x: toOrt(x), w: toOrt(w) })
  await session.release()
  if (!y) throw new Error('The probe gave no output.')
  return y.data as Float32Array
}

function drawn(name: string, dims: readonly number[]): Tensor {
  const tensor = float32(dims)
  randomStream(1, name).fillUniform(tensor.data, -1, 1)
  return tensor
}
