import { expect, it } from 'vitest'
import { GraphBuilder } from '../autodiff/builder.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { cast, mul } from '../ops/core/index.ts'
import { dropout } from '../ops/elementwise/dropout.ts'
import { required } from '../required.ts'
import { float32, int64, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { forDevice } from './for-device.ts'
import { withoutHashing } from './host-part.ts'
import { ortNode } from './ort-node.ts'

const engine = ortNode({ threads: 1 })

const run = async (bytes: Uint8Array, feeds: ReadonlyMap<string, Tensor>) => {
  const executable = await engine.load(bytes)
  const found = await executable.run(feeds)
  await executable.dispose()
  return found
}

/** Two dropouts, one of a prime number of elements, as a device takes them. */
function dropping() {
  const builder = new GraphBuilder(undefined, { flat: true })
  const seed = builder.input('seeds', { type: 'int64', dims: [1] }, ['steps'])
  for (const [at, dims] of [[12, 30], [13]].entries()) {
    const x = builder.input(`x${at}`, { type: 'float32', dims })
    builder.output(dropout(builder, x, 0.4, seed, at), `y${at}`)
  }
  return builder.finish('dropping')
}

it('leaves the hashing of a seed to the host, and the device with as much as it has kernels for', async () => {
  const graph = dropping()
  const parted = withoutHashing(graph)
  if (!parted) throw new Error('The graph has no part for the host.')
  const { host, device } = parted
  expect(device.inputs.map(({ name }) => name).filter((name) => name.startsWith('x'))).toEqual(['x0', 'x1'])
  expect(device.inputs.map(({ name }) => name)).not.toContain('seeds')
  expect(new Set(device.nodes.map(({ op }) => op))).toEqual(new Set(['Cast', 'Greater', 'Mul', 'Reshape']))
  expect([...forDevice(encodeGraph(graph)).lacking]).toEqual([])

  // A seed above 2^32, as those of runs are.
  const seeds = int64([1], [5 * 2 ** 31 + 7])
  const ones = new Map<string, Tensor>([
    ['x0', float32([12, 30], new Array(360).fill(1))],
    ['x1', float32([13], new Array(13).fill(1))],
  ])
  const whole = await run(encodeGraph(graph), new Map([...ones, ['seeds', seeds]]))
  const hashed = await run(encodeGraph(host), new Map([['seeds', seeds]]))
  expect(await run(encodeGraph(device), new Map([...ones, ...hashed]))).toEqual(whole)
  expect(new Set(toNumbers(required(whole, 'y0', 'output')))).toEqual(new Set([0, Math.fround(1 / 0.6)]))
})

it('leaves what else is made of one number to the device', () => {
  const builder = new GraphBuilder(undefined, { flat: true })
  const id = builder.input('id', { type: 'int64', dims: [1] }, ['rows'])
  const table = builder.constant(float32([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]))
  const found = builder.op('Gather', [table, id])
  builder.output(mul(builder, found, cast(builder, id, 'float32')), 'y')
  expect(withoutHashing(builder.finish('lookup'))).toBeUndefined()
})

it('keeps what the device reads of a seed itself', () => {
  const builder = new GraphBuilder(undefined, { flat: true })
  const seed = builder.input('seeds', { type: 'int64', dims: [1] }, ['steps'])
  const x = builder.input('x', { type: 'float32', dims: [3, 4] })
  const dropped = dropout(builder, x, 0.5, seed, 1)
  builder.output(mul(builder, dropped, cast(builder, seed, 'float32')), 'y')
  const device = withoutHashing(builder.finish('both'))?.device
  expect(device?.inputs.map(({ name }) => name)).toContain('seeds')
})
