import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { withLora } from '../src/model/adapters/lora.ts'
import { withPackedUpdates } from '../src/model/adapters/packed-updates.ts'
import { selectParameters } from '../src/model/adapters/select.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import type { ModelProto } from '../src/onnx/onnx_pb.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'
import { lossAndGradients } from '../src/train/inspect/grad.ts'
import { minus, norm, numbersOf } from './families.ts'
import { engine } from './op-cases.ts'

// A Llama as onnxruntime-genai's builder lays one out; bench/reference/genai-decoder.py writes it.

const bytes = new Uint8Array(readFileSync('test/fixtures/genai/decoder.onnx'))
const { tensors } = readSafetensors(readFileSync('test/fixtures/genai/decoder.safetensors'))
const fed = ['input_ids', 'attention_mask', 'position_ids', 'labels']
const batch = new Map([...tensors].filter(([name]) => fed.includes(name)))

describe('a decoder of onnxruntime-genai with weights of few bits', () => {
  const model = modelFromOnnx(bytes)
  const lora = withLora(model, { rank: 2, alpha: 4, packed: true })
  const updates = new Map<string, Tensor>(
    [...lora.model.parameters.keys()].map((name) => [name, tensors.get(name) ?? float32([0])]),
  )

  it('has an update at each of its linear layers, and its modules by name', () => {
    expect(lora.adapters).toHaveLength(14)
    expect(lora.adapters.every(({ packed }) => packed)).toBe(true)
    expect(lora.adapters.map(({ module }) => module).slice(0, 4)).toEqual([
      'model.layers.0.attn.q_proj',
      'model.layers.0.attn.k_proj',
      'model.layers.0.attn.v_proj',
      'model.layers.0.attn.o_proj',
    ])
    expect([...updates].filter(([, { data }]) => data.length === 0)).toEqual([])
  })

  it("has PyTorch's loss and gradients, through grouped queries, the cache's inputs and frozen weights", async () => {
    const found = await lossAndGradients({
      engine,
      model: { ...lora.model, parameters: updates },
      batch,
      loss: 'causal-lm',
    })
    expect(Math.abs(found.loss / (numbersOf(tensors, 'loss')[0] ?? 0) - 1)).toBeLessThan(1e-5)
    for (const name of updates.keys()) {
      const wanted = numbersOf(tensors, `gradient/${name}`)
      expect(norm(wanted), name).toBeGreaterThan(0)
      expect(norm(minus(numbersOf(found.gradients, name), wanted)), name).toBeLessThan(1e-4 * norm(wanted))
    }
  })

  it('trains its float weights as well, and none of the tables of rotary embeddings', () => {
    expect([...model.parameters.keys()].filter((name) => !name.endsWith('layernorm.weight'))).toEqual([
      'model.embed_tokens.weight',
      'model.norm.weight',
      'lm_head.MatMul.weight',
    ])
  })

  it('gets no updates where they would have to be merged', () => {
    expect(() => withLora(model, { rank: 2 })).toThrow(
      expect.objectContaining({ code: 'lora-packed', message: expect.stringContaining('"model.layers.0') }),
    )
  })

  it('is written with its updates as layers beside the packed ones, which keep their bytes', async () => {
    const { bytes: written, weights } = withPackedUpdates(bytes, decodeModel(bytes), lora, updates)
    expect(weights.size).toBe(0)
    const after = decodeModel(written)
    const packed = (proto: ModelProto) =>
      (proto.graph?.initializer ?? [])
        .filter(({ name }) => /_Q[48]$/.test(name ?? ''))
        .map(({ rawData }) => rawData)
    expect(packed(after)).toEqual(packed(decodeModel(bytes)))
    expect(after.graph?.input).toEqual(decodeModel(bytes).graph?.input)
    expect(after.graph?.output).toEqual(decodeModel(bytes).graph?.output)
    // ONNX Runtime's own kernels say what PyTorch does of the tokens that are no filling.
    const executable = await engine.load(written)
    const empty = float32([2, 2, 0, 16])
    const cache = [0, 1].flatMap((layer) =>
      ['key', 'value'].map((part): [string, Tensor] => [`past_key_values.${layer}.${part}`, empty]),
    )
    const feeds = new Map<string, Tensor>([...batch, ...cache])
    feeds.delete('labels')
    const outputs = await executable.run(feeds)
    await executable.dispose()
    const [found, wanted] = [numbersOf(outputs, 'logits'), numbersOf(tensors, 'logits')]
    const counted = [...Array(6).keys(), ...[6, 7, 8, 9]]
    for (const place of counted) {
      const part = (values: number[]) => values.slice(place * 40, place * 40 + 40)
      expect(norm(minus(part(found), part(wanted))), `token ${place}`).toBeLessThan(1e-3 * norm(part(wanted)))
    }
  })

  it('can be updated again, and the earlier updates train where they are named', () => {
    const { bytes: written } = withPackedUpdates(bytes, decodeModel(bytes), lora, updates)
    const again = modelFromOnnx(written)
    const second = withLora(again, { rank: 1, packed: true })
    expect(second.adapters).toHaveLength(14)
    expect(new Set(second.adapters.flatMap(({ a, b }) => [a, b])).size).toBe(28)
    expect(second.adapters.every(({ a }) => a.endsWith('/lora_A_'))).toBe(true)
    const named = selectParameters(again, { kind: 'names', patterns: ['*/lora_?'] })
    expect(named.size).toBe(28)
  })
})
