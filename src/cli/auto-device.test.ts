import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { syntheticDigits } from '../data/index.ts'
import { obstacleTo, seesGraphics } from '../engine/devices-node.ts'
import type { Device } from '../engine/index.ts'
import { ortNode } from '../engine/ort-node.ts'
import { EnvironmentError } from '../errors.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { followed } from '../study/followed.ts'
import { readRunConfig, runInFolder } from '../train/folders/index-files.ts'
import { parsePlan } from '../train/plan/index.ts'
import { fastestDevice, onChosen, withDevice } from './auto-device.ts'

const doubled = encodeGraph({
  name: 'doubled',
  inputs: [{ name: 'x', type: 'float32', dims: [1] }],
  outputs: [{ name: 'y', type: 'float32', dims: [1] }],
  initializers: new Map(),
  nodes: [{ op: 'Add', domain: '', name: 'add', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
})

/** Opens a graph there. */
const opened = async (device: Device): Promise<Device> => {
  const executable = await ortNode({ device, threads: 1 }).load(doubled)
  await executable.dispose()
  return device
}
const only = (device: Device) => ({ device, why: '' })

describe('--device auto', () => {
  it.runIf(obstacleTo('cuda') && !seesGraphics())('is the CPU where nothing else is', async () => {
    expect(await fastestDevice()).toEqual({
      device: 'cpu',
      why: 'Device: cpu, as there is no other here (holdfast doctor says why).',
    })
  })

  it('stands for one device in all that a command is', () => {
    const words = ['model.onnx', '--device', 'auto', '--seed', '1', 'auto']
    expect(withDevice(words, 'webgpu')).toEqual(['model.onnx', '--device', 'webgpu', '--seed', '1', 'auto'])
    expect(withDevice(['--device=auto'], 'cpu')).toEqual(['--device=cpu'])
  })

  it.runIf(obstacleTo('cuda'))(
    'begins anew on the CPU where the chosen device refuses, and says so',
    async () => {
      const warnings: string[] = []
      expect(await onChosen(only('cuda'), opened, (line) => warnings.push(line))).toBe('cpu')
      expect(warnings).toEqual([
        expect.stringMatching(/^Device "cuda" cannot .* begins again on the CPU\.$/s),
      ])
    },
  )

  it.runIf(obstacleTo('cuda'))('begins a run anew in the folder that it was to go into', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-auto-'))
    const inputs = { data: [syntheticDigits({ train: 40, test: 20 })] }
    const run = (device: Device) => {
      const plan = parsePlan({
        ...{ data: { source: 'synthetic' }, stream: { kind: 'split' }, device, threads: 1 },
        ...{ model: { kind: 'mlp', hidden: [4] }, iterations: 1, batchSize: 8 },
      })
      const loaded = { plan, inputs, dataSha256: 'same', modelFile: undefined, beside: new Map() }
      const engine = ortNode({ device, threads: 1 })
      return followed(runInFolder(loaded, { engine, folder, verb: 'learn' }), () => undefined)
    }
    const outcome = await onChosen(only('cuda'), run, () => undefined)
    expect(outcome).toMatchObject({ status: 'finished', folder })
    expect((await readRunConfig(folder)).plan.device).toBe('cpu')
  })

  it('passes other errors on, and those of the CPU', async () => {
    const failing = (code: string) => async (): Promise<never> => {
      throw new EnvironmentError(code, 'Said.')
    }
    const warn = (line: string) => expect.unreachable(line)
    await expect(onChosen(only('webgpu'), failing('disk-full'), warn)).rejects.toThrow('Said.')
    await expect(onChosen(only('cpu'), failing('device-fallback'), warn)).rejects.toThrow('Said.')
  })
})
