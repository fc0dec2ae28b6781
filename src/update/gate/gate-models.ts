import { classLabels, type Dataset, samples } from '../../data/dataset.ts'
import type { Prediction, PredictionSet } from '../../data/formats/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, ModelError } from '../../errors.ts'
import { createEvaluator } from '../../evaluate/evaluate.ts'
import type { Model } from '../../model/model.ts'
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

const isNumbered = (classes: readonly string[]): boolean =>
  classes.every((name, index) => name === String(index))

/**
 * What the classes of a data set are called, for models to be compared by name. Data with numbers for labels take the names of the
 * models, where these agree on the order.
 *
 * @throws DataError `gate-classes` when a label is no class of any model, when a model has none of the labels, or when models number
 * their classes differently.
 */
export function labelNames(dataset: Dataset, models: readonly NamedModel[]): readonly string[] {
  const used = [...new Set(classLabels(dataset))].sort((a, b) => a - b)
  const named = models.filter(({ model }) => !isNumbered(model.classes))
  const names = isNumbered(dataset.classes) ? namesFor(used, named, dataset) : dataset.classes
  const labels = used.map((label) => names[label] ?? String(label))
  const missing = labels.find((label) => models.every(({ model }) => !model.classes.includes(label)))
  if (missing !== undefined) {
    throw new DataError(
      'gate-classes',
      `${dataset.name}: the label "${missing}" is no class of ${models.map(({ name }) => name).join(' or ')}, which ${models.length === 1 ? 'has' : 'have'} ${models.map(({ model }) => preview(model.classes)).join(' and ')}. Classes are matched by name: correct the labels, or put a labels.txt beside the model.`,
    )
  }
  const stranger = models.find(({ model }) => !labels.some((label) => model.classes.includes(label)))
  if (stranger) {
    throw new DataError(
      'gate-classes',
      `${stranger.name}: none of its classes (${preview(stranger.model.classes)}) is among the labels of ${dataset.name} (${preview(labels)}). Put a labels.txt beside the model, one class a line.`,
    )
  }
  return names
}

function namesFor(
  used: readonly number[],
  named: readonly NamedModel[],
  dataset: Dataset,
): readonly string[] {
  const [first, ...others] = named
  if (!first) return dataset.classes
  for (const other of others) {
    const label = used.find((index) => other.model.classes[index] !== first.model.classes[index])
    if (label === undefined) continue
    throw new DataError(
      'gate-classes',
      `${dataset.name} has numbers for labels, but class ${label} is "${first.model.classes[label]}" in ${first.name} and "${other.model.classes[label]}" in ${other.name}. Give data whose labels are names.`,
    )
  }
  return first.model.classes
}

const preview = (names: readonly string[]): string =>
  `${names.slice(0, 6).join(', ')}${names.length > 6 ? ', …' : ''}`

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
  return { name, predictions, locate: (row) => `${name}, row ${row} of ${dataset.name}` }
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
