// What a language model forgets of one kind of text while it learns another, by method: the tiny GPT was trained on the King James Bible, and
// learns Python's documentation for an equal number of steps. Bits per byte on both test parts after it.
//   nice node scripts/run.mjs bench/texts-forgetting.ts [--steps 150] [--seeds 1,2,3] [--methods none,lora,...] [--model FILE.onnx]
//     [--rate 0.001] [--rows 400] [--out .cache/texts-forgetting.jsonl] [--table]
// Whole documents of each test part are measured, drawn once, until they have --rows rows. Methods with a strength take another: ewc=1000.
// A finished run is a line of the file of --out; given again, only what is missing is run. --table prints what is there and runs nothing. One
// thread. Texts are HOLDFAST_DATA/text/kjv and .../python-docs, the model is an export with a cache, so that it writes texts quickly.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Dataset } from '../src/data/dataset.ts'
import { packDocuments, type TokenDocument } from '../src/data/documents/index.ts'
import { readDocuments } from '../src/data/documents/index-files.ts'
import { readInputFiles } from '../src/data/sidecar-files.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { selfWrittenTexts } from '../src/evaluate/index.ts'
import { rowLosses } from '../src/evaluate/row-losses.ts'
import { bitsPerByte, documentLosses, totalLoss } from '../src/measure/text-scores.ts'
import { withLora } from '../src/model/adapters/index.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import { vocabularyOf, withTokenClasses } from '../src/model/language.ts'
import type { Model } from '../src/model/model.ts'
import { present } from '../src/required.ts'
import { listStream } from '../src/tasks/list.ts'
import { range } from '../src/tasks/stream.ts'
import { randomStream } from '../src/tensor/random.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { adam } from '../src/train/step/index.ts'
import { keptLines } from './kept-lines.ts'
import { learnedWeights } from './learned-weights.ts'
import { type TextMethod, textMethod, textMethodNames } from './text-methods.ts'
import { forgettingTable, type TextRun } from './text-table.ts'
import { updated } from './text-update.ts'

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '150' },
    seeds: { type: 'string', default: '1,2,3' },
    methods: { type: 'string', default: textMethodNames.join(',') },
    model: { type: 'string', default: '../shared/models/tiny-gpt/past/model.onnx' },
    rate: { type: 'string', default: '0.001' },
    rows: { type: 'string', default: '400' },
    out: { type: 'string', default: '.cache/texts-forgetting.jsonl' },
    table: { type: 'boolean' },
  },
})
const [steps, rate, batchSize, length] = [Number(values.steps), Number(values.rate), 8, 128]
const seeds = values.seeds.split(',').map(Number)
const engine = ortNode({ threads: 1 })
const folder = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'text')

const kept = keptLines<TextRun>(values.out)
const asked = { model: values.model, steps, rate, rows: Number(values.rows) }
const same = (run: TextRun): boolean =>
  Object.entries(asked).every(([name, value]) => run[name as keyof typeof asked] === value)
const runs = (): TextRun[] => kept.all().filter(same)

if (!values.table) await runAll()
console.log(forgettingTable(runs(), textMethodNames))

async function runAll(): Promise<void> {
  const data = await readData()
  const write = (run: Omit<TextRun, keyof typeof asked>): void => kept.add({ ...asked, ...run })
  if (!runs().some(({ method }) => method === 'before')) {
    write({ method: 'before', seed: 0, ...(await bitsOf(data, data.model)), seconds: 0 })
  }
  const names = values.methods.split(',')
  for (const seed of seeds) {
    for (const name of names) {
      const method = textMethod(name)
      if (runs().some((run) => run.method === name && run.seed === seed)) continue
      const began = process.cpuUsage()
      const { model, weights } = await trained(data, method, seed)
      const { user, system } = process.cpuUsage(began)
      const seconds = (user + system) / 1e6
      write({
        method: name,
        seed,
        ...(await bitsOf(data, model, weights)),
        seconds: Math.round(seconds * 10) / 10,
      })
    }
  }
}

type Data = Awaited<ReturnType<typeof readData>>

async function readData() {
  const loaded = await loadModel(values.model)
  const model = withTokenClasses(loaded.model)
  const { tokenizer } = await readInputFiles(values.model, model.input)
  if (!tokenizer) throw new Error(`no tokenizer.json beside ${values.model}`)
  const vocabulary = vocabularyOf(model)
  const pack = (documents: readonly TokenDocument[], name: string): Dataset =>
    packDocuments(documents, { name, length, vocabulary, tokenizer }).dataset
  const read = async (name: string) => {
    const { train: documents, test = [] } = await readDocuments(join(folder, name), { tokenizer })
    const order = [...randomStream(0, 'test documents').permutation(test.length)]
    const chosen: TokenDocument[] = []
    let rows = 0
    for (const at of order) {
      if (rows >= asked.rows) break
      const document = present(test[at], 'document')
      chosen.push(document)
      rows += Math.ceil(document.ids.length / length)
    }
    return { documents, train: pack(documents, name), test: pack(chosen, name) }
  }
  return { model, tokenizer, vocabulary, pack, old: await read('kjv'), fresh: await read('python-docs') }
}

async function bitsOf({ old, fresh }: Data, model: Model, weights?: ReadonlyMap<string, Tensor>) {
  const bits = async (rows: Dataset) =>
    bitsPerByte(totalLoss(documentLosses(await rowLosses(engine, model, rows, weights))))
  return { old: await bits(old.test), new: await bits(fresh.test) }
}

/** Texts that the model writes itself, those of a seed once. */
async function written({ model, tokenizer, pack }: Data, documents: number, seed: number): Promise<Dataset> {
  const texts = await selfWrittenTexts(engine, model, tokenizer, { documents, tokens: length, seed })
  for (const note of texts.notes) console.error(note)
  return pack(texts.documents, 'what it wrote')
}

async function trained(
  data: Data,
  { method, past, rate: factor = 1, lora, written: texts, budget }: TextMethod,
  seed: number,
) {
  if (budget !== undefined) {
    const [old, fresh] = [data.old.documents, data.fresh.documents]
    const { model, tokenizer } = data
    const weights = await updated(
      { engine, model, tokenizer, old, fresh },
      { budget, steps, batchSize, length, seed },
    )
    return { model, weights }
  }
  const model = lora ? withLora(data.model, { rank: lora, seed, packed: true }).model : data.model
  const few = { ...data.fresh.test, ...firstRows(data.fresh.test) }
  const stream = listStream([{ name: 'python', train: data.fresh.train, test: few }], 'domain')
  const old = texts === undefined ? data.old.train : await written(data, texts, seed)
  const weights = await learnedWeights({
    ...{ engine, model, stream, method, settings: { optimiser: adam() }, seed },
    ...{ iterations: steps, batchSize, learningRate: rate * factor, evaluateFuture: false },
    past: {
      units: range(0, data.vocabulary),
      train: past === 'rows' || texts !== undefined ? old : undefined,
    },
  })
  return { model, weights }
}

/** What a run counts its own accuracy on: bits are measured afterwards. */
function firstRows({ inputs, labels }: Dataset): Pick<Dataset, 'inputs' | 'labels' | 'documents'> {
  const dims = [1, length]
  return {
    inputs: { ...inputs, dims, data: (inputs.data as BigInt64Array).slice(0, length) } as Tensor,
    labels: { ...labels, dims, data: labels.data.slice(0, length) } as Dataset['labels'],
    documents: undefined,
  }
}
