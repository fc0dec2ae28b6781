import { describe, expect, it } from 'vitest'
import { encodeGraph } from '../onnx/encode.ts'
import { obstacleTo, seesGraphics } from './devices-node.ts'
import { devices } from './engine.ts'
import { instructionSets } from './instruction-sets-node.ts'
import { ortNode } from './ort-node.ts'

const nothing = encodeGraph({
  name: 'nothing',
  inputs: [{ name: 'x', type: 'float32', dims: [1] }],
  outputs: [{ name: 'y', type: 'float32', dims: [1] }],
  initializers: new Map(),
  nodes: [{ op: 'Identity', domain: '', name: 'n', inputs: ['x'], outputs: ['y'], attributes: {} }],
})

describe('devices', () => {
  it('never refuse the CPU', () => {
    expect(obstacleTo('cpu')).toBeUndefined()
  })

  // Where the provider is installed nothing is refused before it is opened.
  it.runIf(obstacleTo('cuda')).each(['cuda', 'cuda+cpu'] as const)(
    'refuse %s where its provider is not installed, with what to install',
    async (device) => {
      await expect(ortNode({ device, threads: 1 }).load(nothing)).rejects.toMatchObject({
        code: 'device-unavailable',
        message: expect.stringMatching(
          process.platform === 'linux' && process.arch === 'x64'
            ? /"cuda.*without its CUDA provider.*ONNXRUNTIME_NODE_INSTALL=cuda12.*--device cpu\.$/
            : /"cuda.*Linux x64 alone.*--device cpu\.$/,
        ),
      })
    },
  )

  // Kernels for blocks of channels are the CPU provider's alone.
  it.each(devices)('are given graphs of standard ops but for the CPU: %s', (device) => {
    const { channelBlock } = ortNode({ device, threads: 1, blocked: true })
    expect(channelBlock === undefined).toBe(device !== 'cpu')
  })

  it('may be graphics where a Vulkan driver is named, and on systems that do not tell', () => {
    expect(seesGraphics({ VK_DRIVER_FILES: '/some/icd.json' }, 'linux')).toBe(true)
    expect(seesGraphics({}, 'darwin')).toBe(true)
  })
})

describe('instruction sets', () => {
  it('are those that products are made of, of x64 and of ARM', () => {
    expect(instructionSets('processor\t: 0\nflags\t\t: fpu sse sse4_1 avx512f fma avx2 ht\n')).toEqual([
      'sse4_1',
      'fma',
      'avx2',
      'avx512f',
    ])
    expect(instructionSets('Features\t: fp asimd evtstrm i8mm bf16\n')).toEqual(['asimd', 'i8mm', 'bf16'])
  })

  it('are not told by every system', () => {
    expect(instructionSets('processor : 0\n')).toBeUndefined()
  })
})
