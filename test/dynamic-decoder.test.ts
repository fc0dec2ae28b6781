import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withLora } from '../src/model/adapters/lora.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { required } from '../src/required.ts'
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts'
import { buildCli, type Cli } from './cli.ts'
import { dynamicallyQuantised } from './dynamic-layers.ts'
import { engine } from './op-cases.ts'
import { type DecoderForm, decoderSizes, tinyDecoder } from './tiny-decoder.ts'
import { writeWordTexts, writeWordTokenizer } from './word-texts.ts'

// Decoders as transformers.js has them: products and tables in 8 bits, made by onnxruntime's quantize_dynamic.

let cli: Cli
let folder: string
const at = (...names: string[]) => join(folder, ...names)
const run = (words: string) => cli.run(words.split(' '), { cwd: folder })
const { vocabulary, heads, size, layers } = decoderSizes
const products = 4 * layers

/** The head is the embedding turned, and stays one with it. */
const quantised = (form: DecoderForm) => dynamicallyQuantised(tinyDecoder(form), { keep: ['wte'] }).bytes

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-dynamic-decoder-'))
  for (const cache of ['plain', 'merged'] as const) {
    mkdirSync(at(cache))
    writeFileSync(at(cache, 'model.onnx'), quantised({ cache }))
    writeWordTokenizer(at(cache), vocabulary - 2)
  }
  writeWordTexts(folder, 11)
})
afterAll(() => cli.remove())

const fileOf = (...names: string[]) => decodeModel(new Uint8Array(readFileSync(at(...names, 'model.onnx'))))
const initializers = (...names: string[]) => fileOf(...names).graph?.initializer ?? []
const kept = (...names: string[]) =>
  new Map(
    initializers(...names)
      .filter(({ name }) => !name?.includes('/lora_'))
      .map(({ name, rawData }) => [name, rawData]),
  )

/** Logits of the written file for one row, past tokens from the cache where there are any. */
async function logits(bytes: Uint8Array, tokens: readonly number[], past?: Map<string, Tensor>) {
  const executable = await engine.load(bytes)
  const before = past?.values().next().value?.dims[2] ?? 0
  const row = (values: readonly number[]) => int64([1, values.length], values)
  const empty = float32([1, heads, 0, size])
  const caches = Array.from({ length: layers }, (_, layer) =>
    ['key', 'value'].map((part) => `past_key_values.${layer}.${part}`),
  ).flat()
  const feeds = new Map<string, Tensor>([
    ['input_ids', row(tokens)],
    ['attention_mask', row(Array.from({ length: before + tokens.length }, () => 1))],
    ['position_ids', row(tokens.map((_, place) => before + place))],
    ['use_cache_branch', { type: 'bool', dims: [1], data: Uint8Array.of(past ? 1 : 0) }],
    ...caches.map((name): [string, Tensor] => [name, past?.get(name) ?? empty]),
  ])
  const outputs = await executable.run(
    new Map([...feeds].filter(([name]) => executable.inputs.includes(name))),
  )
  await executable.dispose()
  const present = new Map(
    [...outputs].flatMap(([name, tensor]) =>
      name.startsWith('present') ? [[name.replace('present', 'past_key_values'), tensor] as const] : [],
    ),
  )
  return { values: Array.from(required(outputs, 'logits', 'output').data as Float32Array), present }
}

describe('a decoder that was quantised dynamically', () => {
  test.each(['plain', 'past', 'merged'] as const)('has an update at each of its products: %s', (cache) => {
    const model = modelFromOnnx(quantised({ cache }))
    const { adapters } = withLora(model, { rank: 2, packed: true })
    expect(adapters.filter(({ packed }) => packed)).toHaveLength(products)
    expect([...model.parameters.keys()].filter((name) => /scale|zero|wpe/.test(name))).toEqual([])
  })

  test.each(['plain', 'merged'])('is updated by low-rank updates, and keeps its bytes: %s', async (name) => {
    const { code, stdout, stderr } = await run(
      `update ${name} --new new --old old -o better-${name} --lora 2 --epochs 12 --learning-rate 0.03 --max-drop 50% --json --threads 1 --seed 1 --batch 4 --max-length 12`,
    )
    expect(code, stderr).toBe(0)
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({ status: 'met', learned: true })
    expect(kept(`better-${name}`)).toEqual(kept(name))
    expect(initializers(`better-${name}`)).toHaveLength(initializers(name).length + 2 * products)
    const { input, output } = fileOf(`better-${name}`).graph ?? {}
    expect([input, output]).toEqual([fileOf(name).graph?.input, fileOf(name).graph?.output])
    const gated = await run(
      `gate ${name} better-${name} --data old --max-drop 50% --json --max-length 12 --threads 1`,
    )
    expect(JSON.parse(gated.stdout).change).toBeCloseTo(found.old.claims[0].change, 6)
  })

  test('answers with and without its cache by the same updates', async () => {
    const bytes = new Uint8Array(readFileSync(at('better-merged', 'model.onnx')))
    const tokens = [3, 4, 5, 6, 7, 8]
    const whole = await logits(bytes, tokens)
    const first = await logits(bytes, tokens.slice(0, 5))
    const next = await logits(bytes, tokens.slice(5), first.present)
    const before = await logits(new Uint8Array(readFileSync(at('merged', 'model.onnx'))), tokens)
    const last = whole.values.slice(-vocabulary)
    const away = (values: readonly number[]) =>
      Math.hypot(...values.slice(-vocabulary).map((value, place) => value - (last[place] ?? Number.NaN)))
    // What is rounded together differs between the two.
    expect(away(next.values)).toBeLessThan(0.1 * away(before.values))
  })

  test('goes on from its own file', async () => {
    const { code, stderr } = await run(
      'update better-merged --new new --old old -o next --epochs 2 --learning-rate 0.01 --max-drop 50% --force --threads 1 --seed 1 --batch 4 --max-length 12',
    )
    expect([0, 2, 3], stderr).toContain(code)
    expect(initializers('next')).toHaveLength(initializers('better-merged').length)
  })
})
