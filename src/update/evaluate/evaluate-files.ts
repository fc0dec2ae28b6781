import { kindOf } from '../../data/dataset.ts'
import type { PredictionSet } from '../../data/formats/index.ts'
import { readProbes, readPrompts } from '../../data/probes/index-files.ts'
import { type PreprocessingName, type Reading, readOptionsOf } from '../../data/reading.ts'
import { readingFor } from '../../data/reading-files.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { answersTokens } from '../../evaluate/generate/index.ts'
import type { Bindings } from '../../model/import/index.ts'
import { type LoadedModel, loadModel } from '../../model/import/index-files.ts'
import { answeredProbes } from '../answered-probes-files.ts'
import { answeredPrompts, shownPrompt } from '../answered-prompts-files.ts'
import { logitsFor, type NamedModel, predictionsFrom } from '../gate/index.ts'
import { evaluateLabelled } from './evaluate-labelled-files.ts'
import { evaluateTexts } from './evaluate-texts-files.ts'
import type { Evaluation, ModelEvaluation } from './evaluation.ts'

export interface EvaluateSources {
  readonly engine: Engine
  /** Models (.onnx, or folders with one), all language models or none. */
  readonly models: readonly string[]
  /** The data: their test part is measured on, else their validation part, else all. */
  readonly data?: string | undefined
  /** A file of probes for language models. */
  readonly probes?: string | undefined
  /** A file of prompts that each language model continues, for people to read. */
  readonly prompts?: string | undefined
  /** Tokens that an answer has at most. Default 64. */
  readonly promptTokens?: number | undefined
  /** Default: what the data come with. */
  readonly preprocessing?: PreprocessingName | undefined
  /** Which columns are what, and so on; default: as found. */
  readonly reading?: Reading | undefined
  /** The value that holds the logits, where a model's file does not tell. */
  readonly output?: string | undefined
  /** Values for inputs that data say nothing of, by name. */
  readonly bind?: Bindings | undefined
  /** Whether numbers for labels are positions in the model's list of classes. Default false. */
  readonly numbersArePositions?: boolean | undefined
  /** Whether the loss on each document is among the figures. Default false. */
  readonly byDocument?: boolean | undefined
  /** Whether predictions are handed out, too. Default false. */
  readonly predictions?: boolean | undefined
}

/** Figures, and where they are asked for predictions of each model: of probes, else of rows with one class each. */
export interface Evaluated {
  readonly evaluation: Evaluation
  readonly predictions: readonly PredictionSet[]
}

/**
 * Measures models on data and probes: language models by their loss on texts and by what they answer to probes, others by their
 * answers to labelled rows.
 *
 * @throws UsageError `evaluate-nothing` without data, probes and prompts, `evaluate-prompts` for prompts without a language model, `evaluate-kinds` for language models beside others, `evaluate-probes` for
 * probes without a language model, `evaluate-labelled`, `tokenizer-missing`; DataError `evaluate-classes`, and what reading and running throw.
 * @example
 * const { evaluation } = await evaluateFiles({ engine: ortNode(), models: ['gpt.onnx'], data: 'kjv/', probes: 'facts.jsonl' })
 */
export async function evaluateFiles(sources: EvaluateSources): Promise<Evaluated> {
  const { data, probes, engine } = sources
  if (data === undefined && probes === undefined && sources.prompts === undefined) {
    throw new UsageError(
      'evaluate-nothing',
      'There is nothing to measure models on: give data, probes or prompts.',
    )
  }
  const models = await loadModels(sources)
  // What is known before anything is computed is said then.
  if (sources.predictions && probes === undefined && models.some(({ language }) => language))
    throw noPredictions()
  const asked =
    probes === undefined ? undefined : await readProbes(probes, readOptionsOf(sources.reading ?? {}))
  const prompts = sources.prompts === undefined ? undefined : await readPrompts(sources.prompts)
  const notes = new Set(models.flatMap((model) => model.notes))
  const found: ModelEvaluation[] = []
  const predictions: PredictionSet[] = []
  let part: NonNullable<Evaluation['data']> | undefined
  for (const model of models) {
    const how = await readingFor({ path: model.name, input: model.model.input }, sources.reading)
    for (const note of how.notes) notes.add(note)
    const measured = data === undefined ? undefined : await onData(engine, model, data, sources, how.options)
    for (const note of measured?.notes ?? []) notes.add(note)
    if (data !== undefined && measured)
      part = { path: data, part: measured.part, synthetic: measured.synthetic }
    const answered = asked && (await answeredProbes(engine, model, asked, how.options))
    predictions.push(...(answered ? [answered.predictions] : (measured?.predictions ?? [])))
    found.push({
      ...{ model: model.name, is: model.language ? 'language-model' : 'other' },
      ...measured?.figures,
      probes: answered?.scores,
      answers:
        prompts &&
        (await answeredPrompts(engine, model, prompts, {
          tokenizer: sources.reading?.tokenizer,
          maxTokens: sources.promptTokens,
        })),
    })
  }
  if (sources.predictions && predictions.length === 0) throw noPredictions()
  return {
    evaluation: { data: part, probes, prompts: prompts?.map(shownPrompt), models: found, notes: [...notes] },
    predictions,
  }
}

const noPredictions = (): UsageError =>
  new UsageError(
    'evaluate-predictions',
    'Predictions that a gate can read are of probes, or of rows with one class each, and there are none of these. Give such data, or ask for no predictions.',
  )

interface Loaded extends NamedModel {
  readonly language: boolean
  readonly file: LoadedModel['file']
  readonly notes: readonly string[]
}

async function loadModels({
  models,
  output,
  bind,
  probes,
  prompts,
}: EvaluateSources): Promise<readonly Loaded[]> {
  const loaded: Loaded[] = []
  for (const name of models) {
    const { model, file, notes } = await loadModel(name, { output, bind })
    const language = answersTokens(model)
    if (!language && probes !== undefined) {
      throw new UsageError(
        'evaluate-probes',
        `${name}: the probes of ${probes} are for language models, which give each text a likelihood, but this model answers with ${model.classes.length > 0 ? `one of ${model.classes.length} classes` : 'numbers of its own'}. Give it labelled rows as data, or a causal language model.`,
      )
    }
    if (!language && prompts !== undefined) {
      throw new UsageError(
        'evaluate-prompts',
        `${name}: the prompts of ${prompts} are for language models, and this model writes no text.`,
      )
    }
    loaded.push({ name, model, file, language, notes })
  }
  const [first, other] = [loaded.find(({ language }) => language), loaded.find(({ language }) => !language)]
  if (!first || !other) return loaded
  throw new UsageError(
    'evaluate-kinds',
    `${first.name} is a language model and ${other.name} is none: they cannot be measured on the same rows. Evaluate them one at a time.`,
  )
}

async function onData(
  engine: Engine,
  model: Loaded,
  data: string,
  sources: EvaluateSources,
  reading: Awaited<ReturnType<typeof readingFor>>['options'],
) {
  if (model.language) {
    const { texts, part, notes } = await evaluateTexts(engine, model, data, reading)
    const shown = { ...texts, byDocument: sources.byDocument ? texts.byDocument : undefined }
    return { figures: { texts: shown }, part, notes, synthetic: false, predictions: [] }
  }
  const { preprocessing, numbersArePositions } = sources
  const how = { reading, preprocessing, numbersArePositions }
  const { labelled, part, notes, dataset } = await evaluateLabelled(engine, model, data, how)
  const predictions =
    sources.predictions && kindOf(dataset) === 'classification'
      ? [predictionsFrom(model, await logitsFor(engine, model, dataset), dataset, dataset.classes)]
      : []
  return { figures: { labelled }, part, notes, synthetic: dataset.synthetic, predictions }
}
