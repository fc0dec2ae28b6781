import { type Dataset, kindOf, samples, withLabels } from '../../data/dataset.ts'
import { flatAdvice } from '../../data/images/index.ts'
import { alignLabels, preview } from '../../data/names/index.ts'
import { normalised } from '../../data/reading.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, UsageError } from '../../errors.ts'
import { largest } from '../../extent.ts'
import { namingOf } from '../../model/model.ts'
import { itemAt, present } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { placed, type Teacher, teacherLogits } from '../teach/index.ts'
import type { RunPlan } from './plan.ts'
import type { TrainTest } from './prepare.ts'

/**
 * Brings the rows of a plan that is taught to the teacher's classes. Rows without labels get any, and count nothing in the loss on labels;
 * where none have some, held-out rows have the teacher's own answers for labels.
 *
 * @param data Of the task, and behind it of `distil.unlabelled`.
 * @throws UsageError `distil-classes` for labels that the teacher does not know, `distil-targets` for labels that are not one class a row.
 */
export async function taughtRows(
  plan: RunPlan,
  teachers: readonly Teacher[],
  data: readonly TrainTest[],
  engine: Engine,
): Promise<readonly TrainTest[]> {
  const { distil } = plan
  if (!distil || plan.loss === 'causal-lm') return data
  const { name, model } = itemAt(teachers, 0, 'teacher')
  const { numbersArePositions } = distil
  const align = (part: Dataset): Dataset => {
    refuseOtherKinds(part)
    const { dataset, added } = alignLabels(part, model.classes, {
      numbersArePositions,
      ...namingOf(model),
    })
    if (added.length === 0) return dataset
    throw new UsageError(
      'distil-classes',
      `${part.name} has rows of ${preview(added)}, which ${name} does not know; it knows ${preview(model.classes)}. A teacher can teach what it knows: correct the labels, or leave these rows out.`,
    )
  }
  for (const part of data) {
    for (const teacher of teachers) refuseOtherDims(part.train, teacher)
  }
  const [own, ...bare] = data
  const { train, test } = present(own, 'data of the task')
  const first = distil.labelled
    ? { train: align(train), test: align(test) }
    : {
        train: underNoLabels(train, model.classes),
        test: await answered(engine, teachers, underNoLabels(test, model.classes), plan),
      }
  return [
    first,
    ...bare.map((each) => ({ train: underNoLabels(each.train, model.classes), test: first.test })),
  ]
}

function refuseOtherKinds(dataset: Dataset): void {
  const kind = kindOf(dataset)
  if (kind === 'classification') return
  throw new UsageError(
    'distil-targets',
    `${dataset.name} has labels for ${kind}, and holdfast distil teaches and judges one class a row, or texts. Give the rows without labels: --unlabelled.`,
  )
}

/** Rows without labels take any: their share of the loss on labels is 0. */
function underNoLabels(dataset: Dataset, classes: readonly string[]): Dataset {
  const labels = { type: 'int32' as const, dims: [samples(dataset)], data: new Int32Array(samples(dataset)) }
  return withLabels({ ...dataset, kind: undefined }, labels, classes)
}

/** Rows under the class that the teachers hold likeliest. */
async function answered(
  engine: Engine,
  teachers: readonly Teacher[],
  rows: Dataset,
  { data }: RunPlan,
): Promise<Dataset> {
  const known = placed(teachers, { name: 'the teacher', classes: rows.classes })
  const logits = await teacherLogits(engine, known, normalised(rows, data.preprocessing), 1)
  const width = rows.classes.length
  const labels = Int32Array.from({ length: samples(rows) }, (_, row) => {
    const own = logits.data.subarray(row * width, (row + 1) * width)
    return own.indexOf(largest(own))
  })
  return withLabels(rows, { type: 'int32', dims: [labels.length], data: labels })
}

/** @throws DataError `data-dims` where a teacher reads rows of other dims. */
function refuseOtherDims({ name: place, inputs }: Dataset, { name, model }: Teacher): void {
  const wanted = model.input.dims?.slice(1)
  const row = inputs.dims.slice(1)
  if (!wanted) return
  const same =
    wanted.length === row.length
      ? wanted.every((dim, axis) => typeof dim !== 'number' || dim <= 0 || dim === row[axis])
      : wanted.some((dim) => typeof dim !== 'number') || product(wanted) === product(row)
  if (same) return
  const [said, way] = inWords(inputs, wanted)
  throw new DataError(
    'data-dims',
    `${place}: ${said}, but ${name} reads [${wanted.map((dim) => dim ?? '?').join(', ')}]. ${way}`,
  )
}

/** What the rows are, and what to do about that. */
function inWords({ type, dims }: Tensor, wanted: readonly unknown[]): readonly [said: string, way: string] {
  const row = dims.slice(1)
  const [, height = 0, width = 0] = row
  const [numbers] = wanted
  if (type === 'string') return ['the rows are texts', 'Name models of texts, or give rows of numbers.']
  const same =
    "Teacher and student read the same rows: give data of the teacher's shape, and a student that reads it."
  if (type !== 'uint8' || row.length !== 3) return [`a row is [${row.join(', ')}]`, same]
  const said = `the rows are images, each [${row.join(', ')}]`
  return wanted.length === 1 && typeof numbers === 'number'
    ? [said, flatAdvice(numbers, [{ height, width }])]
    : [said, same]
}

const product = (dims: readonly (number | string | null | undefined)[]): number =>
  dims.reduce<number>((size, dim) => size * (typeof dim === 'number' ? dim : 1), 1)
