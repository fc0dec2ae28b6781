import { join } from 'node:path'
import { type Dataset, rowsOfClasses, subset } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { modelToOnnx } from '../model/import/index.ts'
import { weightsOf } from '../model/model.ts'
import { html, type Markup } from '../report/figures/index.ts'
import { updateArticle } from '../report/update-page.ts'
import { followed } from '../study/followed.ts'
import { writeNpz } from '../tensor/npy.ts'
import type { Mine } from '../tensor/outputs-files.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { makeFolder } from '../tensor/writes-files.ts'
import { executePlan } from '../train/folders/index.ts'
import { parsePlan, preparePlan, type RunPlan } from '../train/plan/index.ts'
import type { Preflight } from '../update/preflight.ts'
import type { UpdateSummary } from '../update/summary.ts'
import { gate } from './gate.ts'
import { keep } from './keep.ts'
import { update } from './update.ts'
import type { Answer, Call, CommonSettings } from './verb.ts'

const known = [0, 1, 2, 3, 4, 5, 6, 7]
const added = [8, 9]
/** Rows at most of what the model learns, of what is new to it, and of each for testing. */
const rows = { old: 12_000, new: 2000, test: 4000 } as const

const written = [
  'old.npz',
  'new.npz',
  'model.onnx',
  'model.keep',
  'better.onnx',
  'better.not-met.onnx',
  'better.unproven.onnx',
]

/** What its folder may hold: only files of an earlier one, which wrote the old digits first. */
export const ownQuickstart: Mine = {
  what: 'that of an earlier quickstart, whose files are then replaced',
  is: (_path, names) => names.includes('old.npz') && names.every((name) => written.includes(name)),
}

interface TrainTest {
  readonly train: Dataset
  readonly test: Dataset
}

/** What the product's own job came to. */
export interface UpdateShown {
  /** The commands, each with what it said. */
  readonly lines: readonly string[]
  /** The update's figures, for the page. */
  readonly page: Markup
  readonly json: Readonly<Record<'keep' | 'update' | 'gate', unknown>>
}

/**
 * The product's own job on digits: a model that knows eight of them is made, packed, taught the other two inside a budget, and
 * held against the old one. The commands are those that anyone would type, and their files stay in `folder`.
 *
 * @returns undefined when it was stopped
 */
export async function showUpdate(
  data: TrainTest,
  {
    folder,
    engine,
    asked,
    call,
  }: {
    readonly folder: string
    readonly engine: Engine
    readonly asked: CommonSettings
    readonly call: Call
  },
): Promise<UpdateShown | undefined> {
  const file = (name: string) => join(folder, name)
  await makeFolder(folder)
  const old = { train: ofClasses(data.train, known, rows.old), test: ofClasses(data.test, known, rows.test) }
  const fresh = {
    train: ofClasses(data.train, added, rows.new),
    test: ofClasses(data.test, added, rows.test),
  }
  await writeWhole(file('old.npz'), writeNpz(arraysOf(old), { compress: false }))
  await writeWhole(file('new.npz'), writeNpz(arraysOf(fresh), { compress: false }))
  const model = await trained(eightDigits(asked.seed ?? 1), old, { engine, signal: call.signal })
  if (!model) return undefined
  await writeWhole(file('model.onnx'), model)
  const lines: string[] = []
  const run = async (verb: typeof keep, words: string): Promise<Answer> => {
    const answer = await verb.read([...words.split(' '), ...commonWords(asked)]).run(call)
    lines.push(`$ holdfast ${verb.name} ${words}`, answer.text, '')
    return answer
  }
  const kept = await run(
    keep,
    `${file('model.onnx')} --data ${file('old.npz')} --held-out 4000 -o ${file('model.keep')}`,
  )
  const updated = await run(
    update,
    `${file('model.onnx')} --new ${file('new.npz')} --keep ${file('model.keep')} --max-drop 1% -o ${file('better.onnx')}`,
  )
  // What the verb answers is its summary with what was found before.
  const summary = updated.json as UpdateSummary & {
    readonly preflight: Preflight
    readonly written: { readonly model: string }
  }
  const gated = await run(
    gate,
    `${file('model.onnx')} ${summary.written.model} --data ${file('old.npz')} --max-drop 1%`,
  )
  return {
    lines,
    page: updateArticle(summary, summary.preflight, html`<pre>${lines.join('\n').trimEnd()}</pre>`),
    json: { keep: kept.json, update: updated.json, gate: gated.json },
  }
}

/** The model's file; undefined when it was stopped. */
async function trained(
  plan: RunPlan,
  data: TrainTest,
  options: { readonly engine: Engine; readonly signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  const outcome = await followed(executePlan(plan, preparePlan(plan, { data: [data] }), options))
  if (outcome.status === 'interrupted') return undefined
  const { model } = outcome
  return modelToOnnx(model, { parameters: weightsOf(model) })
}

const eightDigits = (seed: number) =>
  parsePlan({
    name: 'eight digits',
    data: { preprocessing: 'unit' },
    stream: { kind: 'split', scenario: 'class', groups: [known] },
    model: { kind: 'mlp', hidden: [100] },
    epochs: 3,
    batchSize: 64,
    seed,
  })

function ofClasses(dataset: Dataset, classes: readonly number[], most: number): Dataset {
  const found = rowsOfClasses(dataset, classes)
  return subset(dataset, found.subarray(0, most))
}

const arraysOf = ({ train, test }: TrainTest) =>
  new Map<string, Tensor>([
    ['x_train', train.inputs],
    ['y_train', train.labels],
    ['x_test', test.inputs],
    ['y_test', test.labels],
  ])

/** What holds for every verb is handed on. */
const commonWords = ({ seed, threads, device, quiet }: CommonSettings): string[] => [
  ...(seed === undefined ? [] : ['--seed', String(seed)]),
  ...(threads === undefined ? [] : ['--threads', String(threads)]),
  ...(device === undefined ? [] : ['--device', device]),
  ...(quiet ? ['--quiet'] : []),
]
