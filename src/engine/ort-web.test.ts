import * as ort from 'onnxruntime-web'
import { describe, expect, it } from 'vitest'
import { encodeGraph } from '../onnx/encode.ts'
import { required } from '../required.ts'
import { float32, toNumbers } from '../tensor/tensor.ts'
import { ortWeb } from './ort-web.ts'
import { loadProgram } from './program.ts'

const sum = (op: string): Uint8Array =>
  encodeGraph({
    name: 'sum',
    inputs: ['w', 'x'].map((name) => ({ name, type: 'float32', dims: [2] })),
    outputs: [{ name: 'y', type: 'float32', dims: [2] }],
    initializers: new Map(),
    nodes: [{ op, domain: '', name: 'add', inputs: ['w', 'x'], outputs: ['y'], attributes: {} }],
  })
const feeds = () =>
  new Map([
    ['w', float32([2], [1, 2])],
    ['x', float32([2], [10, 20])],
  ])

describe('onnxruntime-web', () => {
  it('runs a graph, and writes into the memory that it is given', async () => {
    const executable = await ortWeb(ort).load(sum('Add'))
    expect([executable.inputs, executable.outputs]).toEqual([['w', 'x'], ['y']])
    expect(toNumbers(required(await executable.run(feeds()), 'y', 'output'))).toEqual([11, 22])
    const place = float32([2])
    const outputs = await executable.run(feeds(), new Map([['y', place]]))
    expect(outputs.get('y')).toBe(place)
    expect([...place.data]).toEqual([11, 22])
    await executable.dispose()
    await expect(executable.dispose()).resolves.toBeUndefined()
  })

  it('carries state from run to run', async () => {
    const state = new Map([['w', float32([2], [1, 2])]])
    const program = await loadProgram(ortWeb(ort), sum('Add'), [{ input: 'w', output: 'y' }], state)
    for (let run = 0; run < 3; run++) await program.run(new Map([['x', float32([2], [10, 20])]]))
    expect(toNumbers(required(await program.state(), 'w', 'state'))).toEqual([31, 62])
    await program.dispose()
  })

  it('reads weights that are held apart', async () => {
    const held = new Map([['w', float32([2], [1, 2])]])
    const executable = await ortWeb(ort).load({ bytes: sum('Add'), held })
    expect(executable.inputs).toEqual(['x'])
    const outputs = await executable.run(new Map([['x', float32([2], [10, 20])]]))
    expect(toNumbers(required(outputs, 'y', 'output'))).toEqual([11, 22])
  })

  it('refuses a graph that the runtime refuses, and a run with a feed missing', async () => {
    await expect(ortWeb(ort).load(sum('Nonsense'))).rejects.toThrow(
      expect.objectContaining({ code: 'model-refused' }),
    )
    const executable = await ortWeb(ort).load(sum('Add'))
    await expect(executable.run(new Map([['x', float32([2], [10, 20])]]))).rejects.toThrow(
      expect.objectContaining({ code: 'run-failed' }),
    )
  })

  it('says that there is no WebGPU, and what to do', async () => {
    const engine = ortWeb(ort, { device: 'webgpu' })
    await expect(engine.load(sum('Add'))).rejects.toThrow(
      expect.objectContaining({
        code: 'device-unavailable',
        message: expect.stringMatching(
          /^Device "webgpu" cannot be used here: .*Otherwise take the device cpu\.$/s,
        ),
      }),
    )
  })

  it('names an op that WebGPU would leave to the CPU', async () => {
    const engine = ortWeb(ort, { device: 'webgpu' })
    const determinant = encodeGraph({
      ...{ name: 'g', inputs: [{ name: 'x', type: 'float32', dims: [2] }], initializers: new Map() },
      outputs: [{ name: 'y', type: 'float32', dims: [2] }],
      nodes: [{ op: 'Det', domain: '', name: 'det', inputs: ['x'], outputs: ['y'], attributes: {} }],
    })
    await expect(engine.load(determinant)).rejects.toThrow(
      expect.objectContaining({ code: 'device-fallback', message: expect.stringContaining('Det (') }),
    )
  })

  it('takes several threads only where a page may share memory', () => {
    Object.defineProperty(globalThis, 'crossOriginIsolated', { value: false, configurable: true })
    try {
      expect(() => ortWeb(ort, { threads: 2 })).toThrow(
        expect.objectContaining({
          code: 'device-unavailable',
          message: expect.stringContaining('Cross-Origin-Embedder-Policy'),
        }),
      )
      expect(ortWeb(ort).options.threads).toBe(1)
    } finally {
      Reflect.deleteProperty(globalThis, 'crossOriginIsolated')
    }
  })
})
