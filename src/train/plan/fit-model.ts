import { createDataset, type Dataset, kindOf } from '../../data/dataset.ts'
import { type Alignment, alignLabels, numbered, placesOf, preview } from '../../data/names/index.ts'
import { UsageError } from '../../errors.ts'
import { findHead, replaceHead, widenHead } from '../../model/heads/index.ts'
import { type Model, namingOf } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import { range } from '../../tasks/stream.ts'
import { float32 } from '../../tensor/tensor.ts'
import type { RunPlan } from './plan.ts'
import { planStream, type TrainTest } from './prepare.ts'

/** Data and a model that have the same classes in the same places. */
export interface Fitted {
  readonly data: readonly TrainTest[]
  readonly model: Model
  /** How many classes the model knew before its head was widened; undefined where it was not. */
  readonly known?: number | undefined
  /** Names that were taken for one of the model's though they are written otherwise. */
  readonly notes: readonly string[]
}

type OnnxPlan = Extract<RunPlan['model'], { kind: 'onnx' }>

/**
 * Brings data and a model from a file together: labels into the order of the model's classes, by name; and another head where the plan
 * asks for one. Where units are not classes of the data (task scenario, a split in the domain scenario, numbers to predict), only
 * their number is compared.
 *
 * @throws UsageError `model-data` when the stream needs other outputs than the model has, naming both; DataError `classes-numbered`
 * when only one side has names; and what changing a head throws.
 */
export function fitToModel(plan: RunPlan, data: readonly TrainTest[], given: Model): Fitted {
  if (plan.model.kind !== 'onnx') return { data, model: given, notes: [] }
  const model = answering(given, data)
  if (!unitsAreClasses(plan, data) || model.classes.length === 0) {
    return { data, model: withOutputs(plan, plan.model, data, model), notes: [] }
  }
  const { head, numbersArePositions } = plan.model
  // A head that starts anew has the data's own names.
  const named = data.map(({ train, test }) => {
    const align = (part: Dataset) =>
      head === 'replace'
        ? { dataset: part, notes: [] }
        : alignLabels(part, model.classes, { numbersArePositions, ...namingOf(model) })
    return { train: align(train).dataset, test: align(test).dataset, ...ownNames(train, align) }
  })
  const groups = plan.stream.kind === 'split' ? plan.stream.groups?.flat() : undefined
  const needed = named.flatMap(({ own }) =>
    groups ? groups.map((place) => (typeof place === 'string' ? place : itemAt(own, place, 'class'))) : own,
  )
  const fitted = withClasses(plan.model, model, [...new Set(needed)])
  return {
    model: fitted,
    known: head === 'widen' ? model.classes.length : undefined,
    notes: named.flatMap(({ notes }) => notes),
    data: named.map(({ train, test, own }) => {
      const { dataset, classes } = alignLabels(train, fitted.classes)
      return {
        train: dataset,
        test: alignLabels(test, fitted.classes).dataset,
        known: { classes: placesOf(own, classes), units: fitted.classes.length },
      }
    }),
  }
}

/** One number a row is the logit of two classes for data with classes; others are trained on the number itself. */
function answering(model: Model, data: readonly TrainTest[]): Model {
  const kinds = new Set(data.map(({ train }) => kindOf(train)))
  if (!model.binary || kinds.has('classification')) return model
  const { logit, answer } = model.binary
  return { ...model, output: kinds.has('multi-label') ? logit : answer, classes: [], binary: undefined }
}

function unitsAreClasses({ stream }: RunPlan, data: readonly TrainTest[]): boolean {
  if (data.some(({ train }) => kindOf(train) === 'regression')) return false
  return stream.scenario === 'class' || (stream.scenario === 'domain' && stream.kind !== 'split')
}

/** What the classes of a data set are called once it is under a model's. */
function ownNames(
  dataset: Dataset,
  align: (part: Dataset) => Pick<Alignment, 'dataset' | 'notes'>,
): { readonly own: readonly string[]; readonly notes: readonly string[] } {
  const count = dataset.classes.length
  const { dataset: under, notes } = align(
    createDataset({
      name: dataset.name,
      inputs: float32([count, 1]),
      labels: { type: 'int32', dims: [count], data: Int32Array.from(range(0, count)) },
      classes: dataset.classes,
    }),
  )
  return { own: Array.from(under.labels.data, (label) => itemAt(under.classes, label, 'class')), notes }
}

/** The model with a head for these classes, where that is asked for. */
function withClasses({ path, head }: OnnxPlan, model: Model, needed: readonly string[]): Model {
  if (head === 'replace') return replaceHead(model, { classes: needed })
  const added = needed.filter((name) => !model.classes.includes(name))
  if (added.length === 0) return model
  if (head === 'widen') return widenHead(model, { classes: added })
  throw new UsageError(
    'model-data',
    `${path} knows the classes ${preview(model.classes)}, but the data have ${preview(needed)}: ${preview(added)} ${added.length === 1 ? 'is' : 'are'} new to it. Set model.head (--head) to widen (adds rows to its head) or replace (starts a new one), or leave these classes out.`,
  )
}

/** The model with as many outputs as the stream has units. */
function withOutputs(
  plan: RunPlan,
  { path, head }: OnnxPlan,
  data: readonly TrainTest[],
  model: Model,
): Model {
  const stream = planStream(plan, data)
  const count = model.classes.length > 0 ? model.classes.length : findHead(model)?.classes
  if (head === 'replace') {
    const named = itemAt(stream.tasks, 0, 'task').train.classes
    return replaceHead(model, { classes: named.length > 0 ? named : numbered(stream.outputs) })
  }
  if (count === undefined || count === stream.outputs) return model
  throw new UsageError(
    'model-data',
    `${path} has ${count} outputs, but the stream needs ${stream.outputs}, which are not matched by name. Set model.head (--head) to replace, or choose a stream or a model that fits.`,
  )
}
