import { expect, it } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { opTable } from '../src/ops/table.ts'
import { families, norm, readFamily, stepErrors, trained } from './families.ts'
import { hasSoftwareVulkan } from './software-vulkan.ts'
import { comparable, comparedCase } from './webgpu-cases.ts'

const engines = [ortNode({ threads: 1 }), ortNode({ threads: 1, device: 'webgpu' })] as const

it.runIf(hasSoftwareVulkan).each([...opTable.values()].filter((each) => comparable(each).length > 0))(
  '$op on WebGPU, with its gradients, is as on the CPU or refused by name',
  { timeout: 240_000 },
  async (definition) => {
    const told: string[] = []
    for (const item of comparable(definition)) {
      const said = await comparedCase(engines, definition, item)
      if (said.kind === 'wrong') told.push(said.why)
      else if (said.kind === 'refused' && !/Use --device cpu|ONNX Runtime refused/.test(said.why))
        told.push(said.why)
    }
    expect(told).toEqual([])
  },
)

// A convolution of six channels, a language model whose labels are moved, and one that compares its token ids.
const trainedHere = families.filter(({ name }) => ['unet', 'gpt2', 'distilbert'].includes(name))

it.runIf(hasSoftwareVulkan).each(trainedHere)(
  "three steps of $name on WebGPU end with PyTorch's parameters",
  { timeout: 240_000 },
  async (family) => {
    const fixture = readFamily(family)
    const after = await trained(family, fixture, { flat: true }, engines[1])
    for (const [name, { change }] of fixture.expected)
      expect(norm(stepErrors(fixture, after, name).told), name).toBeLessThan(1e-2 * norm(change) + 1e-9)
  },
)
