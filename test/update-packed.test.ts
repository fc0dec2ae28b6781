import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packDocuments } from '../src/data/documents/index.ts'
import { rowLosses } from '../src/evaluate/row-losses.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import type { ModelProto } from '../src/onnx/onnx_pb.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { loadTextUpdate } from '../src/update/texts/index-files.ts'
import { writeUpdated } from '../src/update/update-writing-files.ts'
import { buildCli, type Cli } from './cli.ts'
import { engine } from './op-cases.ts'
import { writeWordTexts, writeWordTokenizer } from './word-texts.ts'

// A Llama as onnxruntime-genai's builder lays one out, whose linear layers have 4 and 8 bits.

let cli: Cli
let folder: string
const at = (...names: string[]) => join(folder, ...names)
const holdfast = (words: string) => cli.run(words.split(' '), { cwd: folder })
const run = (words: string) => holdfast(`update ${words} --threads 1 --seed 1 --batch 4 --max-length 12`)
const bytesOf = (...names: string[]) => new Uint8Array(readFileSync(at(...names)))

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-update-packed-'))
  mkdirSync(at('gpt'))
  writeFileSync(at('gpt', 'model.onnx'), readFileSync('test/fixtures/genai/decoder.onnx'))
  writeWordTokenizer(at('gpt'), 38)
  writeWordTexts(folder, 38)
})
afterAll(() => cli.remove())

const packed = (proto: ModelProto) =>
  (proto.graph?.initializer ?? [])
    .filter(({ name }) => /_Q[48]$/.test(name ?? ''))
    .map(({ rawData }) => rawData)

describe('holdfast update of a model with layers of few bits', () => {
  test('trains low-rank updates beside them, keeps their bytes, and proves what the file says', async () => {
    const { code, stdout, stderr } = await run(
      'gpt --new new --old old -o better --adapter adapter --lora 2 --epochs 8 --learning-rate 0.02 --max-drop 20% --json',
    )
    expect([code, stderr]).toEqual([0, expect.stringContaining('trained    low-rank updates')])
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({ status: 'met', learned: true })
    expect(
      found.trials.map(({ method, settings }: { method: string; settings: { rank: number } }) => [
        method,
        settings.rank,
      ]),
    ).toEqual([['replay+distil by LoRA', 2]])
    const [before, after] = [bytesOf('gpt', 'model.onnx'), bytesOf('better', 'model.onnx')].map((bytes) =>
      decodeModel(bytes),
    )
    if (!before || !after) throw new Error('two files')
    expect(packed(after)).toEqual(packed(before))
    expect(packed(after).length).toBeGreaterThan(0)
    expect([after.graph?.input, after.graph?.output]).toEqual([before.graph?.input, before.graph?.output])
    const gated = await holdfast('gate gpt better --data old --max-drop 20% --json --max-length 12')
    const gate = JSON.parse(gated.stdout)
    expect(gate.change).toBeCloseTo(found.old.claims[0].change, 6)
    expect(gate.upper).toBeCloseTo(found.old.claims[0].upper, 6)
    expect(JSON.parse(readFileSync(at('adapter', 'adapter_config.json'), 'utf8'))).toMatchObject({
      r: 2,
      lora_alpha: 2,
    })
  })

  test('goes on from its own file with the updates that are there', async () => {
    const layers = (...names: string[]) => decodeModel(bytesOf(...names)).graph?.node?.length
    const { code, stdout } = await run(
      'better --new new --old old -o next --epochs 2 --learning-rate 0.01 --max-drop 20% --json --force',
    )
    expect([0, 2, 3]).toContain(code)
    expect(layers('next', 'model.onnx')).toBe(layers('better', 'model.onnx'))
    expect(JSON.parse(stdout).trials).toHaveLength(1)
    const refused = await run('better --new new --old old -o other --adapter more --max-drop 20%')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('error (lora-packed): ')])
  })

  test('leaves the file as it was, byte for byte, where nothing is gained', async () => {
    const given = await loadModel(at('gpt'))
    const sources = { engine, model: at('gpt'), fresh: at('new'), old: at('old'), rank: 2 }
    const loaded = await loadTextUpdate(sources, given)
    expect(loaded.learner.updates?.names).toHaveLength(28)
    // It has updates, and answers as it did.
    const { data, rows, model } = loaded.learner
    const { dataset } = packDocuments(data.check, { ...rows, name: 'new', vocabulary: 40 })
    const [before, after] = [
      await rowLosses(engine, given.model, dataset),
      await rowLosses(engine, model, dataset),
    ]
    for (const [row, nats] of Array.from(before.nats).entries()) expect(after.nats[row]).toBeCloseTo(nats, 5)
    await writeUpdated(at('same'), loaded, { chosen: null, parameters: new Map() })
    expect(bytesOf('same', 'model.onnx')).toEqual(bytesOf('gpt', 'model.onnx'))
  })
})
