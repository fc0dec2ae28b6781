import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ortNode } from '../../engine/ort-node.ts'
import { withLora } from '../../model/adapters/lora.ts'
import { checkAdapters, saveAdapters } from '../../model/adapters/lora-files.ts'
import { mergeLora } from '../../model/adapters/merge-lora.ts'
import { findHead } from '../../model/heads/head.ts'
import { modelToOnnx } from '../../model/import/onnx-model.ts'
import { plainCnn } from '../../model/layers/networks.ts'
import { transformerEncoder } from '../../model/layers/transformer-network.ts'
import type { Model } from '../../model/model.ts'
import { readSafetensors } from '../../tensor/safetensors.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'

const engine = ortNode()
const encoder = transformerEncoder({
  vocabulary: 11,
  tokens: 4,
  width: 8,
  heads: 2,
  layers: 1,
  feedForward: 8,
  classes: 3,
  seed: 2,
})
const convolutional = plainCnn({ channels: [3, 4, 4, 4, 5], inputDims: [1, 8, 8], classes: 2, seed: 2 })

async function logits(model: Model, x: Tensor, parameters = model.parameters): Promise<number[]> {
  const executable = await engine.load(modelToOnnx(model, { parameters }))
  const outputs = await executable.run(new Map([[model.input.name, x]]))
  await executable.dispose()
  return toNumbers([...outputs.values()][0] as Tensor)
}

const moved = (parameters: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map(
    Array.from(parameters, ([name, tensor], index) => [
      name,
      float32(
        tensor.dims,
        toNumbers(tensor).map((value, at) => value + 0.1 * Math.sin(7 * at + index)),
      ),
    ]),
  )

const ids: Tensor = {
  type: 'int64',
  dims: [2, 4],
  data: BigInt64Array.from([1, 2, 3, 4, 5, 6, 7, 8], BigInt),
}
const images = float32(
  [2, 1, 8, 8],
  Array.from({ length: 128 }, (_, at) => Math.cos(at)),
)

describe.each([
  ['a transformer', encoder, ids, undefined],
  ['convolutions', convolutional, images, ['*.weight']],
] as const)('LoRA on %s', (_, model, x, targets) => {
  const lora = withLora(model, { rank: 2, alpha: 3, seed: 1, ...(targets ? { targets } : {}) })

  it('trains the adapters and the head, and starts as the model was', async () => {
    const trained = [...lora.model.parameters.keys()].filter((name) => !name.includes('/lora_'))
    expect(trained.every((name) => model.parameters.has(name))).toBe(true)
    expect(lora.adapters.length).toBeGreaterThan(1)
    const [before, after] = [await logits(model, x), await logits(lora.model, x)]
    after.forEach((value, at) => {
      expect(value).toBeCloseTo(before[at] ?? 0, 5)
    })
  })

  it('is not merged where an update is missing: the weight would be handed on as it was', async () => {
    const [first] = lora.adapters
    const trained = new Map(moved(lora.model.parameters))
    trained.delete(first?.b ?? '')
    await expect(mergeLora(engine, model, lora, trained)).rejects.toMatchObject({ code: 'missing' })
  })

  it('answers the same after the adapters are merged into the weights', async () => {
    const trained = moved(lora.model.parameters)
    const merged = await mergeLora(engine, model, lora, trained)
    expect([...merged.keys()].every((name) => model.parameters.has(name))).toBe(true)
    const apart = await logits(lora.model, x, trained)
    const together = await logits(model, x, new Map([...model.parameters, ...merged]))
    expect(apart).not.toEqual(await logits(model, x))
    together.forEach((value, at) => {
      expect(value).toBeCloseTo(apart[at] ?? 0, 4)
    })
  })
})

describe('adapters', () => {
  it('are written as PEFT reads them', async () => {
    const lora = withLora(encoder, { rank: 2, targets: ['*linear1.weight'], head: false })
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-lora-'))
    await saveAdapters(folder, lora, lora.model.parameters, { base: 'mine' })
    const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'))
    expect(config).toMatchObject({ peft_type: 'LORA', r: 2, lora_alpha: 4, base_model_name_or_path: 'mine' })
    const { tensors } = readSafetensors(await readFile(join(folder, 'adapter_model.safetensors')))
    const [module] = config.target_modules
    expect([...tensors].map(([name, { dims }]) => [name, dims])).toEqual([
      [`base_model.model.${module}.lora_A.weight`, [2, 8]],
      [`base_model.model.${module}.lora_B.weight`, [8, 2]],
    ])
  })

  it('are written with the head that trained beside them, rows its outputs', async () => {
    const head = findHead(encoder)
    if (!head) throw new Error('no head')
    const lora = withLora(encoder, { rank: 2, targets: ['*linear1.weight'] })
    const trained = moved(lora.model.parameters)
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-lora-'))
    await saveAdapters(folder, lora, trained)
    const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'))
    const { tensors } = readSafetensors(await readFile(join(folder, 'adapter_model.safetensors')))
    const [module] = config.modules_to_save
    expect(config.modules_to_save).toHaveLength(1)
    expect(head.weight).toBe(`${module}.weight`)
    expect(tensors.get(`base_model.model.${module}.weight`)).toEqual(trained.get(head.weight))
    expect(tensors.get(`base_model.model.${module}.bias`)).toEqual(trained.get(head.bias ?? ''))
    expect(tensors.size).toBe(4)
  })

  it('turn a head that lies the other way round', async () => {
    const lora = withLora(encoder, { rank: 2, targets: ['*linear1.weight'] })
    const [whole] = lora.whole
    if (!whole) throw new Error('no head')
    const other = { ...lora, whole: [{ ...whole, layout: 'in-out' as const }] }
    const trained = new Map(lora.model.parameters).set(whole.name, float32([2, 3], [1, 2, 3, 4, 5, 6]))
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-lora-'))
    await saveAdapters(folder, other, trained)
    const { tensors } = readSafetensors(await readFile(join(folder, 'adapter_model.safetensors')))
    const turned = tensors.get(`base_model.model.${whole.module}.weight`)
    expect(turned).toMatchObject({ dims: [3, 2], data: Float32Array.of(1, 4, 2, 5, 3, 6) })
  })

  it('are refused where something that trained would not be among them', () => {
    const lora = withLora(encoder, { rank: 2 })
    const [whole] = lora.whole
    if (!whole) throw new Error('no head')
    const buffers = new Map([['norm.running_mean', float32([2])]])
    for (const [broken, code] of [
      [{ ...lora, whole: [{ ...whole, tied: true }] }, 'lora-tied'],
      [{ ...lora, whole: [{ ...whole, module: undefined }] }, 'lora-names'],
      [{ ...lora, model: { ...lora.model, buffers } }, 'lora-statistics'],
    ] as const) {
      expect(() => checkAdapters(broken)).toThrow(expect.objectContaining({ code }))
    }
    expect(() => checkAdapters(lora)).not.toThrow()
  })

  it('need a rank and a target', () => {
    expect(() => withLora(encoder, { rank: 0 })).toThrow(expect.objectContaining({ code: 'lora-rank' }))
    expect(() => withLora(encoder, { targets: ['*.bias'] })).toThrow(
      expect.objectContaining({ code: 'lora-targets' }),
    )
  })
})
