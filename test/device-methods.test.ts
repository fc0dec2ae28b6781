import { expect, it } from 'vitest'
import { forDevice } from '../src/engine/for-device.ts'
import type { Engine } from '../src/engine/index.ts'
import { asLoadable } from '../src/engine/loadable.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { createMethod, type MethodOptions, methodEntries } from '../src/methods/registry.ts'
import { required } from '../src/required.ts'
import { toNumbers } from '../src/tensor/tensor.ts'
import { hasSoftwareVulkan } from './software-vulkan.ts'
import { engine, runToEnd, toyOptions, toyStream } from './toy-learning.ts'

// Every method on a device without loops: on WebGPU where there is SwiftShader to run it on, and else what such a device
// is given, on the CPU.

/** The other methods that a method has to stand beside, or options that keep it small. */
const compositions: Readonly<Record<string, string>> = { 'logit-adjustment': 'logit-adjustment+replay' }
const options: Readonly<Record<string, MethodOptions>> = { ranpac: { randomFeatures: 50 } }

const learned = async (on: Engine, name: string) => {
  const scenario = ['xdg', 'task-lora'].includes(name) ? 'task' : 'class'
  const method = createMethod(compositions[name] ?? name, options[name])
  const given = { stream: toyStream(scenario), method, engine: on, iterations: 6, learningRate: 1e-3 }
  return (await runToEnd(toyOptions(given))).result.parameters
}

it.each(methodEntries.map(({ name }) => name))(
  '%s needs no loop, and nothing that WebGPU has not',
  { timeout: 240_000 },
  async (name) => {
    const lacking = new Set<string>()
    const flat: Engine = {
      ...engine,
      flat: true,
      load: async (model) => {
        for (const op of forDevice(asLoadable(model).bytes).lacking.keys()) lacking.add(op)
        return engine.load(model)
      },
    }
    const found = await learned(hasSoftwareVulkan ? ortNode({ threads: 1, device: 'webgpu' }) : flat, name)
    for (const [key, tensor] of await learned(engine, name)) {
      const values = toNumbers(required(found, key, 'parameter'))
      toNumbers(tensor).forEach((value, at) => {
        expect(values[at], key).toBeCloseTo(value, 4)
      })
    }
    expect([...lacking]).toEqual([])
  },
)
