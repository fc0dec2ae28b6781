// The chats of bench/chat-data.ts as documents, and how a model is taught them; for the benches of chats.
import { join } from 'node:path'
import type { Dataset } from '../src/data/dataset.ts'
import { packDocuments, type TokenDocument } from '../src/data/documents/index.ts'
import { readDocuments } from '../src/data/documents/index-files.ts'
import { readInputFiles } from '../src/data/sidecar-files.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { withWeights } from '../src/evaluate/index.ts'
import { none } from '../src/methods/index.ts'
import { mergeLora, withLora } from '../src/model/adapters/index.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import { vocabularyOf, withTokenClasses } from '../src/model/language.ts'
import type { Model } from '../src/model/model.ts'
import { present } from '../src/required.ts'
import { listStream } from '../src/tasks/list.ts'
import { range } from '../src/tasks/stream.ts'
import { adam } from '../src/train/step/index.ts'
import { type Format, writeChats } from './chat-data.ts'
import { learnedWeights } from './learned-weights.ts'
import type { TextMethod } from './text-methods.ts'

export const engine = ortNode({ threads: 1 })
export const formats = ['prose', 'json'] as const
const [batchSize, rate] = [8, 0.001]

export type Chats = Awaited<ReturnType<typeof readChats>>

/** Writes the conversations to a folder, and reads them as a model's tokenizer has them. */
export async function readChats(asked: {
  readonly model: string
  readonly people: string
  readonly folder: string
}) {
  const { folder } = asked
  const loaded = await loadModel(asked.model)
  const model = withTokenClasses(loaded.model)
  const tokenizer = present((await readInputFiles(asked.model, model.input)).tokenizer, 'tokenizer')
  writeChats(folder, { people: Number(asked.people) })
  const read = async (format: Format) => {
    const { train, test = [] } = await readDocuments(join(folder, format), { tokenizer })
    const { train: probes } = await readDocuments(join(folder, `${format}.probes.jsonl`), { tokenizer })
    return { train, test, probes }
  }
  const chats = { prose: await read('prose'), json: await read('json') }
  const longest = Math.max(...formats.flatMap((format) => chats[format].train.map(({ ids }) => ids.length)))
  const vocabulary = vocabularyOf(model)
  const pack = (documents: readonly TokenDocument[], name: string): Dataset =>
    packDocuments(documents, { name, length: longest, vocabulary, tokenizer }).dataset
  return { model, tokenizer, chats, pack, length: longest, vocabulary }
}

interface Lesson {
  readonly model: Model
  readonly train: Dataset
  readonly past?: Dataset | undefined
  readonly method: TextMethod
  readonly iterations: number
  readonly seed: number
}

/** The model with what it learned; updates of low rank are merged. */
export async function taught(
  { vocabulary }: Chats,
  { model, train, past, method, iterations, seed }: Lesson,
): Promise<Model> {
  const lora = method.lora ? withLora(model, { rank: method.lora, seed }) : undefined
  const stream = listStream([{ name: 'chats', train, test: train }], 'domain')
  const trained = await learnedWeights({
    ...{ engine, model: lora?.model ?? model, stream, method: method.method, seed },
    ...{ settings: { optimiser: adam() }, iterations, batchSize, learningRate: rate * (method.rate ?? 1) },
    evaluateFuture: false,
    past: { units: range(0, vocabulary), train: past },
  })
  return withWeights(model, lora ? await mergeLora(engine, model, lora, trained) : trained)
}

/** The model that answers in prose, as many steps long as it was taught. */
export const deployedModel = (data: Chats, iterations: number): Promise<Model> =>
  taught(data, {
    ...{ model: data.model, train: data.pack(data.chats.prose.train, 'prose') },
    ...{ method: { method: none() }, iterations, seed: 1 },
  })
