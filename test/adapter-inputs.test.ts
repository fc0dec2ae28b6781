import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withAdapter } from '../src/model/adapters/adapter-inputs.ts'
import { loadModel } from '../src/model/import/files.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'
import { byteTokenizerFiles } from './byte-tokenizer.ts'
import { buildCli, type Cli } from './cli.ts'
import { tinyDecoder } from './tiny-decoder.ts'

let cli: Cli
let folder: string
const at = (...names: string[]) => join(folder, ...names)
const learn = (run: string, words = '') =>
  cli.run(['learn', 'holdfast.yaml', '-o', run, '--threads', '1', ...words.split(' ').filter(Boolean)], {
    cwd: folder,
  })

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-adapter-inputs-'))
  const { tokenizer, tokenizerConfig } = byteTokenizerFiles({ config: { model_max_length: 24 } })
  const model = (name: string, bytes: Uint8Array) => {
    mkdirSync(at(name))
    writeFileSync(at(name, 'model.onnx'), bytes)
    writeFileSync(at(name, 'tokenizer.json'), tokenizer)
    writeFileSync(at(name, 'tokenizer_config.json'), tokenizerConfig)
  }
  model('plain', tinyDecoder({ vocabulary: 260 }))
  model('merged', tinyDecoder({ vocabulary: 260, cache: 'merged' }))
  const rows = Array.from(
    { length: 6 },
    (_, n) => `${JSON.stringify({ text: `text number ${n} of these` })}\n`,
  )
  writeFileSync(at('train.jsonl'), rows.join(''))
  writeFileSync(
    at('holdfast.yaml'),
    JSON.stringify({
      stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'new', source: 'train.jsonl' }] },
      model: { kind: 'onnx', path: 'plain/model.onnx' },
      ...{ loss: 'causal-lm', learningRate: 0.05, batchSize: 2, epochs: 2, data: { testShare: 0.2 } },
    }),
  )
})
afterAll(() => cli.remove())

const tokens = [4, 10, 99, 120, 7, 45, 200, 8]

async function logits(path: string, adapter: ReadonlyMap<string, Tensor> = new Map()): Promise<Float32Array> {
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  const ids = BigInt64Array.from(tokens, BigInt)
  const plain = {
    input_ids: ids,
    attention_mask: ids.map(() => 1n),
    position_ids: BigInt64Array.from(tokens, (_, place) => BigInt(place)),
  }
  const feeds = Object.fromEntries([
    ...Object.entries(plain).map(([name, data]) => [name, new OrtTensor('int64', data, [1, tokens.length])]),
    ...Array.from(adapter, ([name, { data, dims }]) => [
      name,
      new OrtTensor('float32', data as Float32Array, [...dims]),
    ]),
  ])
  try {
    const { logits: found } = await session.run(feeds)
    return found?.data as Float32Array
  } finally {
    await session.release()
  }
}

const values = (run: string, name = 'adapter'): ReadonlyMap<string, Tensor> =>
  readSafetensors(readFileSync(at(run, 'model', `${name}.safetensors`))).tensors

const apart = (a: Float32Array, b: Float32Array = Float32Array.of()): number =>
  Math.max(...a.map((value, place) => Math.abs(value - (b[place] ?? Number.NaN))))

describe('updates as inputs of the model', () => {
  test('that are fed zeros are the base model to the last bit, and fed an adapter the merged model', async () => {
    expect((await learn('served', '--lora 4 --adapter-inputs required')).stderr).not.toContain('error')
    expect((await learn('own', '--lora 4')).code).toBe(0)
    const [base, own] = await Promise.all(
      ['plain', 'own/model'].map((name) => logits(at(name, 'model.onnx'))),
    )
    const served = at('served', 'model', 'model.onnx')
    expect(await logits(served, values('served', 'no-adapter'))).toEqual(base)
    expect(apart(await logits(served, values('served')), own)).toBeLessThan(1e-5)
    expect(apart(base ?? Float32Array.of(), own)).toBeGreaterThan(1e-3)
    await expect(logits(served)).rejects.toThrow('is missing')
  })

  test('serve tenants with ranks of their own from one file', async () => {
    await learn('wide', '--lora 7:9 --adapter-inputs required')
    await learn('alone', '--lora 7:9')
    const served = at('served', 'model', 'model.onnx')
    expect(readFileSync(at('wide', 'model', 'model.onnx')).equals(readFileSync(served))).toBe(true)
    const alone = await logits(at('alone', 'model', 'model.onnx'))
    expect(apart(await logits(served, values('wide')), alone)).toBeLessThan(1e-5)
  })

  test('have zeros for defaults where they are optional: a runtime that feeds none runs the base model', async () => {
    const { stdout, stderr } = await learn('optional', '--lora 4 --adapter-inputs optional')
    expect(stdout).toMatch(
      /\nBits per byte \(perplexity\) of each task’s test part\n\nTask +before +at the end\n/,
    )
    expect(stdout).toMatch(/\nnew +\d+\.\d{4} \(\d+\.\d\d\) +\d+\.\d{4} \(\d+\.\d\d\)\n/)
    expect(stderr).toMatch(/Learned "new"\..*; bits per byte: \d+\.\d{3}\n/)
    const file = at('optional', 'model', 'model.onnx')
    expect(await logits(file)).toEqual(await logits(at('plain', 'model.onnx')))
    expect(existsSync(at('optional', 'model', 'no-adapter.safetensors'))).toBe(false)
    expect(values('optional')).toEqual(values('served'))
    const { graph } = decodeModel(readFileSync(file))
    const [inputs, defaults] = [graph?.input, graph?.initializer].map((list) =>
      list?.map(({ name = '' }) => name),
    )
    for (const name of values('optional').keys()) {
      expect(inputs).toContain(name)
      expect(defaults).toContain(name)
    }
  })

  test.each(['served', 'optional'])(
    'are read back: as the base model, and with an adapter as its own (%s)',
    async (run) => {
      const { model, notes } = await loadModel(at(run, 'model', 'model.onnx'))
      expect(notes.join()).toContain(
        'has 16 inputs for low-rank updates (--adapter-inputs), and none are fed',
      )
      const adapter = values(run)
      expect(adapter.size).toBe(16)
      expect(model.graph.inputs.filter(({ name }) => name.includes('lora'))).toEqual([])
      const mine = withAdapter(model, adapter)
      const held = new Map([...mine.graph.initializers, ...mine.parameters])
      for (const [name, tensor] of adapter) expect(held.get(name)).toBe(tensor)
      const code = (expected: string) => expect.objectContaining({ code: expected })
      const [first = ''] = adapter.keys()
      const without = new Map([...adapter].filter(([name]) => name !== first))
      expect(() => withAdapter(model, without)).toThrow(code('adapter-names'))
      const bent = new Map<string, Tensor>([...adapter, [first, float32([1])]])
      expect(() => withAdapter(model, bent)).toThrow(code('adapter-dims'))
      const { model: plain } = await loadModel(at('plain', 'model.onnx'))
      expect(() => withAdapter(plain, adapter)).toThrow(code('adapter-names'))
      const evaluated = async (name: string) => {
        const { stdout } = await cli.run(['evaluate', name, '--data', 'train.jsonl', '--json'], {
          cwd: folder,
        })
        return JSON.parse(stdout).models[0].texts
      }
      expect(await evaluated(`${run}/model`)).toEqual(await evaluated('plain'))
      const generate = (name: string) =>
        cli.run(['generate', name, '--prompt', 'text', '--max-tokens', '4'], { cwd: folder })
      expect((await generate(`${run}/model`)).stdout).toBe((await generate('plain')).stdout)
    },
  )
})

describe('is refused, before anything trains', () => {
  test.each([
    ['--adapter-inputs optional', 'model.adapterInputs makes inputs of the updates of model.lora'],
    ['--model merged/model.onnx --lora 2 --adapter-inputs required', 'error (adapter-inputs-place): '],
  ])('learn %s', async (words, message) => {
    const { code, stderr } = await learn('refused', words)
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
    expect(existsSync(at('refused', 'result.json'))).toBe(false)
  })
})
