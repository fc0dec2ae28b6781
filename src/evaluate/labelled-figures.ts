import { type Dataset, kindOf, samples } from '../data/dataset.ts'
import { inMemory } from '../data/spilled-rows.ts'
import type { Engine } from '../engine/engine.ts'
import { ModelError, UsageError } from '../errors.ts'
import { type Interval, wilson } from '../measure/wilson.ts'
import { knownTokens } from '../model/language.ts'
import type { Model } from '../model/model.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { openReader } from './reader.ts'
import { explainedVariance, labelAccuracy, labelMacroF1, macroF1, subsetAccuracy } from './scores.ts'

/** How a class is answered. */
export interface ClassFigures {
  readonly name: string
  /** Rows, or tokens, of this class. */
  readonly rows: number
  readonly right: number
  /** The share of these that are right (recall). */
  readonly accuracy: number
  /** Of the accuracy, Wilson, 95 %. */
  readonly interval: Interval
  /** The share of answers with this class that are right; null where there is none. */
  readonly precision: number | null
  /** 2 TP / (2 TP + FP + FN) */
  readonly f1: number
}

/** How well a model answers labelled rows: shares are fractions. */
export type LabelledFigures =
  | {
      readonly kind: 'classification' | 'token-classification'
      /** What counts: rows, or tokens with a label. */
      readonly rows: number
      readonly right: number
      readonly accuracy: number
      /** Wilson, 95 %; null of tokens, as those of one text are not drawn one by one. */
      readonly interval: Interval | null
      /** The mean F1 of the classes that are a label or an answer. */
      readonly macroF1: number
      /** Those that are a label. */
      readonly classes: readonly ClassFigures[]
    }
  | {
      readonly kind: 'multi-label'
      readonly rows: number
      /** The share of labels on the right side of probability 1/2. */
      readonly accuracy: number
      /** The share of rows of which all labels are right. */
      readonly subset: number
      readonly subsetInterval: Interval
      readonly macroF1: number
    }
  | {
      readonly kind: 'regression'
      readonly rows: number
      /** R², 0 where it is negative, as `learn` reports it. */
      readonly explainedVariance: number
      /** The root of the mean squared error, over all targets. */
      readonly rmse: number
    }

/**
 * How well a model answers a data set.
 *
 * @param dataset Labels in the order of the model's classes (see {@link alignLabels}); classes behind them are new to it, and always wrong.
 * @param name What messages call the model. Default 'the model'.
 * @throws ModelError `logits-not-finite`; UsageError `model-data` where it has another number of outputs than targets are to be predicted.
 * @example
 * const figures = await labelledFigures(engine, model, test)
 */
export async function labelledFigures(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  name = 'the model',
): Promise<LabelledFigures> {
  const { labels } = dataset
  const answering = answeringModel(model, dataset)
  const outputs = labels.type === 'int32' ? model.classes.length : itemAt(labels.dims, 1, 'axis')
  const given = knownTokens(answering)
  if (labels.type === 'float32' && given !== undefined && given !== outputs) {
    throw new UsageError(
      'model-data',
      `${name} answers with ${given} numbers a row, but ${dataset.name} has ${outputs} for it to answer. Give data for this model.`,
    )
  }
  const reader = openReader(engine, answering, outputs)
  try {
    const kind = kindOf(dataset)
    // A model that answers for each token of a text has too many logits to hold.
    if (labels.type === 'int32' && kind === 'token-classification')
      return classes(kind, await reader.predictions(dataset), inMemory(labels).data, dataset.classes)
    const logits = await reader.logits(dataset)
    checkFinite(logits, dataset, name)
    if (labels.type === 'int32')
      return classes('classification', likeliest(logits), labels.data, dataset.classes)
    return kind === 'regression' ? regression(logits.data, labels) : severalLabels(logits.data, labels)
  } finally {
    await reader.dispose()
  }
}

/** One number a row is the logit of two classes for data with classes; others are held to the number itself. */
function answeringModel(model: Model, dataset: Dataset): Model {
  const kind = kindOf(dataset)
  if (!model.binary || kind === 'classification') return model
  const { logit, answer } = model.binary
  return { ...model, output: kind === 'multi-label' ? logit : answer, classes: [], binary: undefined }
}

function checkFinite({ data }: Tensor<'float32'>, dataset: Dataset, name: string): void {
  const at = data.findIndex((value) => !Number.isFinite(value))
  if (at < 0) return
  const row = Math.floor(at / (data.length / samples(dataset)))
  throw new ModelError('logits-not-finite', `${name}: the answer to row ${row} is not all finite numbers.`)
}

/** The place of the largest logit, a row; of equal ones the first. */
function likeliest({ dims, data }: Tensor<'float32'>): Int32Array {
  const width = itemAt(dims, 1, 'axis')
  return Int32Array.from({ length: data.length / width }, (_, row) => {
    let best = row * width
    for (let at = best; at < (row + 1) * width; at++) if ((data[at] ?? 0) > (data[best] ?? 0)) best = at
    return best - row * width
  })
}

interface Tally {
  /** Rows with this label, answers with it, and those that are both. */
  asked: number
  given: number
  right: number
}

function classes(
  kind: 'classification' | 'token-classification',
  answers: Int32Array,
  labels: Int32Array,
  names: readonly string[],
): LabelledFigures {
  const tallies = names.map((): Tally => ({ asked: 0, given: 0, right: 0 }))
  for (const [row, label] of labels.entries()) {
    if (label < 0) continue
    const answer = itemAt(answers, row, 'answer')
    itemAt(tallies, label, 'class').asked++
    itemAt(tallies, answer, 'class').given++
    if (answer === label) itemAt(tallies, label, 'class').right++
  }
  const rows = tallies.reduce((sum, { asked }) => sum + asked, 0)
  const right = tallies.reduce((sum, tally) => sum + tally.right, 0)
  return {
    ...{ kind, rows, right, accuracy: right / rows },
    interval: kind === 'classification' ? wilson(right, rows) : null,
    macroF1: macroF1(answers, labels),
    classes: tallies.flatMap((tally, at) =>
      tally.asked > 0 ? [classFigures(itemAt(names, at, 'class'), tally)] : [],
    ),
  }
}

const classFigures = (name: string, { asked, given, right }: Tally): ClassFigures => ({
  ...{ name, rows: asked, right, accuracy: right / asked },
  interval: wilson(right, asked),
  precision: given === 0 ? null : right / given,
  f1: (2 * right) / (asked + given),
})

function severalLabels(logits: Float32Array, labels: Tensor<'float32'>): LabelledFigures {
  const rows = itemAt(labels.dims, 0, 'axis')
  const subset = subsetAccuracy(logits, labels)
  return {
    ...{ kind: 'multi-label', rows, accuracy: labelAccuracy(logits, labels.data), subset },
    subsetInterval: wilson(Math.round(subset * rows), rows),
    macroF1: labelMacroF1(logits, labels),
  }
}

function regression(answers: Float32Array, labels: Tensor<'float32'>): LabelledFigures {
  let squares = 0
  for (const [at, target] of labels.data.entries()) squares += (target - itemAt(answers, at, 'answer')) ** 2
  return {
    ...{ kind: 'regression', rows: itemAt(labels.dims, 0, 'axis') },
    explainedVariance: explainedVariance(answers, labels),
    rmse: Math.sqrt(squares / labels.data.length),
  }
}
