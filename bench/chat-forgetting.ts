// What a language model of 1 M parameters that answers questions in prose forgets of it while it learns to answer others in JSON.
//   nice node scripts/run.mjs bench/chat-forgetting.ts [--base 500] [--steps 150] [--seeds 1] [--methods none,lora,...] [--people 24]
//     [--model FILE.onnx] [--out .cache/chat-forgetting.jsonl] [--table]
// The tiny GPT learns the prose first (--base steps at 0.001), which makes the model that is deployed; bench/chat-data.ts writes the
// conversations. Loss counts on the assistant's turns. Probes: how many of the facts are answered exactly, the likeliest token each time,
// in either format. "self-written" begins with a user's turn and nothing else; "self-answered" with the old questions, whose answers alone
// the model writes. Bits per byte are of answers to questions in a wording that was not trained on. A finished run is a line of --out.
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { ignoredLabel } from '../src/data/dataset.ts'
import type { TokenDocument } from '../src/data/documents/index.ts'
import { selfWrittenTexts, topTokens, withWeights } from '../src/evaluate/index.ts'
import { rowLosses } from '../src/evaluate/row-losses.ts'
import { bitsPerByte, documentLosses, totalLoss } from '../src/measure/text-scores.ts'
import type { Model } from '../src/model/model.ts'
import { present } from '../src/required.ts'
import { updateTexts } from '../src/update/texts/index.ts'
import type { Format } from './chat-data.ts'
import { type Chats, deployedModel, engine, formats, readChats, taught } from './chat-lessons.ts'
import { keptLines } from './kept-lines.ts'
import { type TextMethod, textMethod } from './text-methods.ts'

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: '500' },
    steps: { type: 'string', default: '150' },
    seeds: { type: 'string', default: '1' },
    methods: {
      type: 'string',
      default: 'none,lora,replay 5 %,self-written 25 %,self-answered 25 %,update 2 %,update 2 % with shares',
    },
    people: { type: 'string', default: '24' },
    model: { type: 'string', default: '../shared/models/tiny-gpt/past/model.onnx' },
    out: { type: 'string', default: '.cache/chat-forgetting.jsonl' },
    table: { type: 'boolean' },
  },
})
const steps = Number(values.steps)
/** With the old model’s own shares of the old conversations, though it knows them by heart. */
const withShares = ' with shares'

interface Run {
  readonly method: string
  readonly seed: number
  /** Exact answers, as shares, and bits per byte of answers. */
  readonly exact: Readonly<Record<Format, number>>
  readonly bits: Readonly<Record<Format, number>>
  readonly seconds: number
  readonly status?: string | undefined
}

const { all: runs, add: write } = keptLines<Run>(values.out)

if (!values.table) await runAll()
console.log('| method | prose: exact | bits | JSON: exact | bits | seconds |')
console.log('|---|---|---|---|---|---|')
for (const { method, seed, exact, bits, seconds, status } of runs()) {
  const cells = formats.flatMap((format) => [
    `${(100 * exact[format]).toFixed(0)} %`,
    bits[format].toFixed(3),
  ])
  const name = `${method}${status ? `, ${status}` : ''}${seed > 1 ? `, seed ${seed}` : ''}`
  console.log(`| ${[name, ...cells, seconds.toFixed(0)].join(' | ')} |`)
}

/** Exact answers are those whose tokens, the end among them, are the likeliest one after another. */
async function measured({ chats, pack }: Chats, model: Model) {
  const of = async (format: Format) => {
    const { probes, test } = chats[format]
    const rows = pack(probes, 'probes')
    const { ids } = await topTokens(engine, model, rows, { k: 1 })
    const wrong = new Set<number>()
    for (const [at, label] of rows.labels.data.entries()) {
      if (label === ignoredLabel || ids.data[at] === label) continue
      wrong.add(
        present(rows.documents?.of[Math.floor(at / present(rows.labels.dims[1], 'axis'))], 'document'),
      )
    }
    const losses = await rowLosses(engine, model, pack(test, format))
    return {
      exact: 1 - wrong.size / probes.length,
      bits: bitsPerByte(totalLoss(documentLosses(losses))),
    }
  }
  const [prose, json] = [await of('prose'), await of('json')]
  return {
    exact: { prose: prose.exact, json: json.exact },
    bits: { prose: prose.bits, json: json.bits },
  }
}

async function runAll(): Promise<void> {
  const data = await readChats({ ...values, folder: join(dirname(values.out), 'chats') })
  const deployed = await deployedModel(data, Number(values.base))
  if (!runs().some(({ method }) => method === 'before'))
    write({ method: 'before', seed: 1, ...(await measured(data, deployed)), seconds: 0 })
  for (const seed of values.seeds.split(',').map(Number)) {
    for (const name of values.methods.split(',')) {
      if (runs().some((run) => run.method === name && run.seed === seed)) continue
      const answers = name.startsWith('self-answered')
      const method = textMethod(name.replace('self-answered', 'self-written').replace(withShares, ''))
      const began = process.cpuUsage()
      const { model, status } =
        method.budget === undefined
          ? { model: await learned(data, deployed, { ...method, answers }, seed), status: undefined }
          : await updated(data, deployed, {
              budget: method.budget,
              method: name.endsWith(withShares) ? 'replay+distil' : undefined,
              seed,
            })
      const { user, system } = process.cpuUsage(began)
      write({ method: name, seed, ...(await measured(data, model)), seconds: (user + system) / 1e6, status })
    }
  }
}

async function learned(
  data: Chats,
  model: Model,
  method: TextMethod & { readonly answers: boolean },
  seed: number,
): Promise<Model> {
  const { chats, pack, tokenizer, length } = data
  /** What stands before the answer. */
  const promptOf = ({ ids, learned: counts }: TokenDocument): string =>
    tokenizer.decode(ids.subarray(0, present(counts, 'what counts').indexOf(1)))
  const past = async (): Promise<readonly TokenDocument[] | undefined> => {
    if (method.written === undefined) return method.past === 'rows' ? chats.prose.train : undefined
    const { documents, notes } = await selfWrittenTexts(engine, model, tokenizer, {
      ...{ documents: method.written, tokens: length, seed },
      ...(method.answers
        ? {
            prompts: chats.prose.probes.map(promptOf),
            endTokens: tokenizer.ids('<|im_end|>'),
          }
        : { prompts: ['<|im_start|>user\n'] }),
    })
    for (const note of notes) console.error(note)
    return documents
  }
  const old = await past()
  return taught(data, {
    ...{ model, method, iterations: steps, seed },
    train: pack(chats.json.train, 'json'),
    past: old && pack(old, 'old'),
  })
}

/** As `update` is by default, or by another method: a fifth of the prose's training conversations order candidates, its test part proves. */
async function updated(
  { chats, tokenizer, length }: Chats,
  model: Model,
  {
    budget,
    method,
    seed,
  }: { readonly budget: number; readonly method: string | undefined; readonly seed: number },
) {
  const { parameters, status, chosen } = await updateTexts({
    ...{ engine, model, seed, method, rows: { length, tokenizer } },
    data: {
      ...{ train: chats.json.train, check: chats.json.test },
      ...{ exemplars: chats.prose.train, heldOut: chats.prose.test },
    },
    budget: { unit: 'relative', maxChange: budget },
  })
  console.error(JSON.stringify({ status, chosen }))
  return { model: withWeights(model, parameters), status }
}
