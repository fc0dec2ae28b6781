import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readDataset } from '../../data/files.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { createTokenizer, type TextTokenizer, wordVocabulary } from '../../data/text/index.ts'
import { UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { foundAt, readUtf8 } from '../../tensor/reads-files.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { RunPlan } from './plan.ts'
import { vocabulary } from './plan-model.ts'
import { planStream, type TrainTest } from './prepare.ts'

/** What the texts of a new network are read with. */
export interface Words {
  readonly tokenizer: TextTokenizer
  /** Whether it was made from the texts, which are to be read again with it. */
  readonly built: boolean
  /** What belongs beside the model, by name. */
  readonly files: ReadonlyMap<string, string>
  readonly notes: readonly string[]
}

/**
 * The tokenizer of a network that Holdfast builds: the one that the plan names; else, where its data are texts, a vocabulary of the
 * first task's training texts and of those that `data.vocabulary.texts` names.
 *
 * @param data As read without a tokenizer, where none is named.
 * @returns Nothing where the data are no texts.
 * @throws UsageError `model-data` for texts and a network that cannot read them, and for a vocabulary of data that are no texts.
 */
export async function wordsFor(
  plan: RunPlan,
  data: readonly TrainTest[],
  reading: ReadOptions,
): Promise<Words | undefined> {
  const { tokenizer } = reading
  if (tokenizer) return { tokenizer, built: false, files: await filesIn(plan.data.tokenizer), notes: [] }
  const { train } = itemAt(data, 0, 'data')
  if (train.inputs.type !== 'string') {
    if (!plan.data.vocabulary) return undefined
    throw new UsageError(
      'model-data',
      `data.vocabulary says how a vocabulary of texts is made, but ${train.name} holds no texts. Leave it out.`,
    )
  }
  if (plan.model.kind !== 'transformer') {
    throw new UsageError(
      'model-data',
      `${train.name} holds texts, which a new ${plan.model.kind} cannot read. Set model.kind to transformer (its vocabulary is made of the texts), or to onnx with a model that has a tokenizer.json beside it.`,
    )
  }
  return built(plan, data, reading)
}

async function built(plan: RunPlan, data: readonly TrainTest[], reading: ReadOptions): Promise<Words> {
  const { size, minimumCount, texts = [], from } = plan.data.vocabulary ?? vocabulary.parse(sizeOf(plan))
  const first = itemAt(planStream(plan, data).tasks, 0, 'task')
  const own = from === 'all' ? data : [first]
  const name = from === 'all' ? 'all tasks' : `"${first.name}"`
  const all = own.map(({ train }) => textsIn(train.inputs))
  for (const path of texts) {
    const more = await readDataset(path, { ...reading, unlabelled: true })
    for (const part of [more.train, more.validation, more.test])
      if (part) all.push(textsIn(part.inputs, path))
  }
  const json = wordVocabulary(all.flat(), { size, minimumCount })
  const tokenizer = createTokenizer({ tokenizer: json })
  const also = texts.length > 0 ? ` and of ${texts.join(', ')}` : ''
  return {
    tokenizer,
    built: true,
    files: new Map([['tokenizer.json', json]]),
    notes: [
      `the model's vocabulary is ${(tokenizer.size - 2).toLocaleString('en-US')} words of the training texts of ${name}${also}; all other words are one to it (data.vocabulary.texts names more texts).`,
    ],
  }
}

/** A size that the model's own field asks for. */
const sizeOf = ({ model }: RunPlan) =>
  model.kind === 'transformer' && model.vocabulary !== undefined ? { size: model.vocabulary } : {}

function textsIn({ type, data }: Tensor, path?: string): readonly string[] {
  if (type === 'string') return data as readonly string[]
  throw new UsageError('model-data', `data.vocabulary.texts: ${path} holds no texts.`)
}

/** What a tokenizer is made of, as it lies in its folder. */
async function filesIn(folder: string | undefined): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  if (folder === undefined) return files
  const near = (await stat(folder)).isDirectory() ? folder : dirname(folder)
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    const path = join(near, name)
    if (await foundAt(path)) files.set(name, await readUtf8(path))
  }
  return files
}
