import { createHash } from 'node:crypto'
import { isAbsolute, resolve } from 'node:path'
import { fingerprint } from '../../data/fingerprint.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { readingFor } from '../../data/reading-files.ts'
import { openSpill } from '../../data/spill-files.ts'
import { rankNotes } from '../../model/adapters/index.ts'
import { loadModel } from '../../model/import/index-files.ts'
import { withTokenClasses } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import type { ModelFile } from '../../onnx/files.ts'
import { present } from '../../required.ts'
import { spanned } from '../../spans.ts'
import { besideTeacher, checkStudent, loadTeachers, taughtTokensNotes } from './distil-files.ts'
import { fitToModel } from './fit-model.ts'
import { loadLanguage } from './language-files.ts'
import { bareSources, lessonsOf, readerOf, teachingEngine, wantedBy } from './lessons-files.ts'
import type { LoadPlanOptions } from './load-options.ts'
import type { RunPlan } from './plan.ts'
import { withPlaces } from './plan-places.ts'
import type { PlanInputs } from './prepare.ts'
import { loadRows } from './rows-files.ts'
import { SELF } from './source-names.ts'
import { taughtRows } from './taught-rows.ts'
import { wordsFor } from './vocabulary-files.ts'
import { writtenRows } from './written-files.ts'

/** A plan with what it names brought in. */
export interface LoadedPlan {
  /** As asked, but naming the data that were really taken. */
  readonly plan: RunPlan
  readonly inputs: PlanInputs
  /** SHA-256 over the content of all data, and of the model's file. */
  readonly dataSha256: string
  /** Why it is not the data asked for; undefined when it is. */
  readonly instead: string | undefined
  /** Where the model came from a file: that file. */
  readonly modelFile: ModelFile | undefined
  /** Files that go beside a model that Holdfast builds, by name: what its texts were read with. */
  readonly beside: ReadonlyMap<string, string>
  /** What was recognised, assumed, altered or left out while model and data were read. */
  readonly notes: readonly string[]
}

/**
 * Loads the data, and the model's file, that a plan names. Paths in the plan that comes back are absolute, so that a run
 * can be resumed from anywhere.
 *
 * @throws DataError, EnvironmentError, ModelError as loading does.
 */
export const loadPlan = (asked: RunPlan, options: LoadPlanOptions = {}): Promise<LoadedPlan> =>
  spanned('load', () => loaded(asked, options))

async function loaded(asked: RunPlan, options: LoadPlanOptions): Promise<LoadedPlan> {
  const base = options.base ?? process.cwd()
  const plan = withAbsolutePaths(asked, base)
  const own = plan.stream.kind === 'list' ? plan.stream.tasks.map(({ source }) => source) : [plan.data.source]
  // What the model was trained on comes last: all is read in the same way.
  const { old } = plan.model.kind === 'onnx' ? plan.model : {}
  const more = old === SELF ? undefined : (old ?? plan.distil?.unlabelled)
  const { unlabelled } = plan.data
  const sources = [
    ...own,
    ...(more === undefined ? [] : [more]),
    ...(unlabelled === undefined ? [] : [unlabelled]),
  ]
  const bare = new Set([...bareSources(plan), ...(unlabelled === undefined ? [] : [sources.length - 1])])
  const school = await loadTeachers(plan)
  const read = plan.model.kind === 'onnx' ? await readModel(plan.model) : undefined
  if (school && read) await checkStudent(school, read, plan)
  const beside = await readingFor(readerOf(read, school), plan.data)
  const notes = new Set([...(school?.notes ?? []), ...(read?.notes ?? []), ...beside.notes])
  const spill = plan.loss === 'causal-lm' ? openSpill(plan.data.maxBytes) : undefined
  const reading: ReadOptions = {
    ...beside.options,
    // Runs read the same data again and again.
    cache: plan.data.cache ?? true,
    spill,
  }
  if (school && read && plan.loss === 'causal-lm') {
    const tokenizer = present(reading.tokenizer, 'tokenizer')
    for (const note of taughtTokensNotes(plan, school, read, tokenizer)) notes.add(note)
  }
  const asTexts =
    plan.loss === 'causal-lm'
      ? await loadLanguage(sources, plan, options, {
          ...{ reading, model: present(read, 'model').model, name: present(read, 'model').file.path },
          beside: new Set([...bare].filter((at) => at > 0)),
          others: school?.teachers.map(({ model }) => model),
        })
      : await loadRows(sources, plan, options, reading, { bare, wanted: wantedBy(read, school) })
  const words = read || school ? undefined : await wordsFor(plan, asTexts.data, reading)
  const found = words?.built
    ? await loadRows(sources, plan, options, { ...reading, tokenizer: words.tokenizer }, { bare })
    : asTexts
  const { instead } = found
  const wrote =
    old === SELF
      ? await writtenRows(plan, found.data, options, { reading, model: present(read, 'model').model })
      : undefined
  const laid = spill?.note(sources.join(', '), 'tokens') ?? []
  for (const note of [...found.notes, ...(words?.notes ?? []), ...(wrote?.notes ?? [])].concat(laid))
    notes.add(note)
  const hash = createHash('sha256')
  // What the model wrote follows from it, and from the plan.
  for (const { train, test } of found.data) hash.update(fingerprint(train)).update(fingerprint(test))
  for (const { bytes } of school?.files ?? []) hash.update(bytes)
  const taught = school
    ? await taughtRows(plan, school.teachers, found.data, teachingEngine(plan, options))
    : found.data
  // Rows without labels are under no classes.
  const pool = unlabelled === undefined ? undefined : taught.at(-1)?.train
  const labelled = pool ? taught.slice(0, -1) : taught
  const data = wrote ? [...labelled, wrote.data] : labelled
  if (read) hash.update(read.file.bytes)
  const fitted =
    read && fitToModel(plan, data, plan.loss === 'causal-lm' ? withTokenClasses(read.model) : read.model)
  for (const note of [...(fitted?.notes ?? []), ...loraNotes(plan, read?.model)]) notes.add(note)
  const dataSha256 = hash.digest('hex')
  const ready = fitted?.data ?? data
  const [mine, rest] = [ready.slice(0, own.length), ready[own.length]?.train]
  const lessons = school && lessonsOf(plan, school, { mine, rest, dataSha256 }, options)
  return {
    plan: instead === undefined ? plan : { ...plan, data: { ...plan.data, source: 'synthetic' } },
    inputs: fitted
      ? { ...fitted, unlabelled: pool, data: mine, ...(lessons ? { lessons } : { old: rest }) }
      : {
          data: mine,
          unlabelled: pool,
          vocabulary: (words?.tokenizer ?? beside.options.tokenizer)?.size,
          lessons,
        },
    dataSha256,
    instead,
    modelFile: read?.file,
    beside: words?.files ?? (school && !read ? await besideTeacher(school) : new Map()),
    notes: [...notes],
  }
}

type OnnxPlan = Extract<RunPlan['model'], { kind: 'onnx' }>

const readModel = ({ path, output, bind, batchnorm, untie }: OnnxPlan) =>
  loadModel(path, { output, bind, batchNorm: batchnorm, untie })

/** Where low-rank updates have more rank than layers can use. */
const loraNotes = ({ model: asked }: RunPlan, model: Model | undefined): readonly string[] =>
  model && asked.kind === 'onnx' ? rankNotes(model, asked.lora) : []

const withAbsolutePaths = (plan: RunPlan, base: string): RunPlan =>
  withPlaces(plan, (path) => (isAbsolute(path) ? path : resolve(base, path)))
