import { classLabels, type Dataset, samples } from '../../data/dataset.ts'
import type { Prediction, PredictionSet } from '../../data/formats/index.ts'
import { type MatchOptions, matchClasses, preview } from '../../data/names/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, ModelError } from '../../errors.ts'
import { createEvaluator } from '../../evaluate/evaluate.ts'
import type { Model } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** A model, and what messages call it. */
export interface NamedModel {
  readonly name: string
  readonly model: Model
}

/** Logits [N, classes] of a model for all rows of a data set. */
export async function logitsFor(
  engine: Engine,
  { name, model }: NamedModel,
  dataset: Dataset,
): Promise<Tensor<'float32'>> {
  if (model.classes.length === 0) {
    throw new ModelError(
      'labels-missing',
      `${name}: the file does not say which classes its outputs are. Put a labels.txt beside it, one class a line.`,
    )
  }
  const evaluator = createEvaluator(engine, model, model.classes.length)
  const state = new Map([
    ...[...model.parameters].map(([key, tensor]) => [`parameter/${key}`, tensor] as const),
    ...[...model.buffers].map(([key, tensor]) => [`buffer/${key}`, tensor] as const),
  ])
  try {
    return await evaluator.logits(dataset, state)
  } finally {
    await evaluator.dispose()
  }
}

/** What the classes of a data set are called by models that are compared. */
export interface LabelNames {
  readonly names: readonly string[]
  /** What was taken for the same though it is written otherwise. */
  readonly notes: readonly string[]
}

/**
 * What the classes of a data set are called, for models to be compared by name: as {@link matchClasses} finds them among those of all
 * models.
 *
 * @param options.numbersArePositions The data have numbers for labels, or the models; these are positions in the other list, where the
 * models agree on it. Default false.
 * @throws DataError `gate-classes` when a label is no class of any model, when a model has none of the labels, or when models number
 * their classes differently; and what {@link matchClasses} throws.
 */
export function labelNames(
  dataset: Dataset,
  models: readonly NamedModel[],
  { numbersArePositions }: Pick<MatchOptions, 'numbersArePositions'> = {},
): LabelNames {
  const used = [...new Set(classLabels(dataset))].sort((a, b) => a - b)
  const longest = models.reduce<readonly string[]>(
    (most, { model }) => (model.classes.length > most.length ? model.classes : most),
    [],
  )
  if (numbersArePositions) refuseOtherOrder(dataset, models, longest)
  const known = numbersArePositions
    ? longest
    : [...new Set([longest, ...models.map(({ model }) => model.classes)].flat())]
  const { names, notes } = matchClasses(
    dataset.classes,
    {
      names: known,
      unnamed: models.every(({ model }) => model.unnamed),
      namedBeside: models.some(({ model }) => model.namedBeside),
    },
    { place: dataset.name, numbersArePositions },
  )
  const labels = used.map((label) => itemAt(names, label, 'class'))
  const missing = labels.find((label) => models.every(({ model }) => !model.classes.includes(label)))
  if (missing !== undefined) {
    throw new DataError(
      'gate-classes',
      `${dataset.name}: the label "${missing}" is no class of ${models.map(({ name }) => name).join(' or ')}, which ${models.length === 1 ? 'has' : 'have'} ${models.map(({ model }) => preview(model.classes)).join(' and ')}. Classes are matched by name: correct the labels, or put a labels.txt beside the model.`,
    )
  }
  const stranger = models.find(({ model }) => !labels.some((label) => model.classes.includes(label)))
  const heir =
    stranger && models.find((other) => other !== stranger && knowsMore(other.model, stranger.model))
  if (stranger && heir) {
    throw new DataError(
      'gate-classes',
      `${stranger.name}: all classes of ${dataset.name} (${preview(labels)}) are new to it, so it has no answer to hold ${heir.name} to. Give data with classes that both know; on these, ${heir.name} can be held against itself.`,
    )
  }
  if (stranger) {
    throw new DataError(
      'gate-classes',
      `${stranger.name}: none of its classes (${preview(stranger.model.classes)}) is among the labels of ${dataset.name} (${preview(labels)}). Put a labels.txt beside the model, one class a line.`,
    )
  }
  return { names, notes }
}

/** Whether a model knows all classes of another, and more: as one that was updated from it. */
const knowsMore = (model: Model, other: Model): boolean =>
  model.classes.length > other.classes.length && other.classes.every((name) => model.classes.includes(name))

/** Positions mean the same only in lists of one order. */
function refuseOtherOrder(dataset: Dataset, models: readonly NamedModel[], longest: readonly string[]): void {
  const [owner] = models.filter(({ model }) => model.classes === longest)
  for (const { name, model } of models) {
    const at = model.classes.findIndex((label, unit) => label !== longest[unit])
    if (at < 0 || !owner) continue
    throw new DataError(
      'gate-classes',
      `${dataset.name} has numbers for labels, but class ${at} is "${model.classes[at]}" in ${name} and "${longest[at]}" in ${owner.name}. Give data whose labels are names.`,
    )
  }
}

/**
 * A model's answers from its logits. An example's id is its row number in the data set, from 0 on.
 *
 * @throws ModelError `logits-not-finite` naming the row.
 */
export function predictionsFrom(
  { name, model }: NamedModel,
  logits: Tensor<'float32'>,
  dataset: Dataset,
  labels: readonly string[],
): PredictionSet {
  const width = model.classes.length
  const truth = classLabels(dataset)
  const predictions = Array.from({ length: samples(dataset) }, (_, row): Prediction => {
    const { unit, probability } = winner(logits.data.subarray(row * width, (row + 1) * width))
    if (!Number.isFinite(probability)) {
      throw new ModelError(
        'logits-not-finite',
        `${name}: the logits of row ${row} are not all finite numbers.`,
      )
    }
    const pred = model.classes[unit] ?? String(unit)
    const label = truth[row] ?? -1
    return { id: String(row), label: labels[label] ?? String(label), pred, probs: { [pred]: probability } }
  })
  const { classes } = model
  return { name, predictions, classes, locate: (row) => `${name}, row ${row} of ${dataset.name}` }
}

/** The unit with the largest logit, and its softmax. */
function winner(logits: Float32Array): { unit: number; probability: number } {
  let unit = 0
  for (const [index, value] of logits.entries()) if (value > (logits[unit] ?? 0)) unit = index
  const largest = logits[unit] ?? 0
  let sum = 0
  for (const value of logits) sum += Math.exp(value - largest)
  return { unit, probability: 1 / sum }
}
