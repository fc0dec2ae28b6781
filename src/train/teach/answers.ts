import { type Dataset, kindOf, samples } from '../../data/dataset.ts'
import { concatenateRows } from '../../data/rows.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { featureVectors, meanTopTokens } from '../../evaluate/index.ts'
import { openReader } from '../../evaluate/reader.ts'
import type { TaughtRows } from '../../methods/taught.ts'
import { itemAt } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import type { PlacedTeacher } from './teacher.ts'

/** What is asked of teachers. */
export interface AnswersAsked {
  readonly temperature: number
  /** Of texts, the likeliest tokens of a place that are kept. */
  readonly topTokens: number
  /** Whether the features are asked for, too. */
  readonly features: boolean
}

/** Answers take this much at most, 4 GiB. */
const MOST_BYTES = 2 ** 32

/**
 * What teachers say of all rows, in one pass: as `taught` reads it.
 *
 * @throws UsageError `distil-answers` where it would take more than 4 GiB, before anything is computed.
 */
export async function teacherAnswers(
  engine: Engine,
  teachers: readonly PlacedTeacher[],
  rows: readonly TaughtRows[],
  asked: AnswersAsked,
): Promise<ReadonlyMap<string, Tensor>> {
  const found = new Map<string, Tensor[]>()
  const add = (name: string, tensor: Tensor) => found.set(name, [...(found.get(name) ?? []), tensor])
  refuseMany(teachers, rows, asked)
  for (const { dataset } of rows) {
    if (kindOf(dataset) === 'token-classification') {
      const { topTokens: k, temperature } = asked
      const models = teachers.map(({ model }) => model)
      const tokens = itemAt(teachers, 0, 'teacher').units.length
      const { ids, logProbabilities } = await meanTopTokens(engine, models, dataset, {
        ...{ k, temperature, tokens },
      })
      add('all/ids', ids)
      add('all/shares', logProbabilities)
    } else add('all/logits', await teacherLogits(engine, teachers, dataset, asked.temperature))
    if (asked.features) {
      add('all/features', await featureVectors(engine, itemAt(teachers, 0, 'teacher').model, dataset))
    }
  }
  return new Map([...found].map(([name, parts]) => [name, concatenateRows(parts)]))
}

/**
 * Logits [N, classes] in the order of the student's classes. Those of several teachers are T log p, with p the mean of their
 * probabilities at the temperature T: divided by T, their softmax is p.
 *
 * @example const logits = await teacherLogits(engine, [{ name: 'a.onnx', model, units: [0, 1] }], dataset, 2)
 */
export async function teacherLogits(
  engine: Engine,
  teachers: readonly PlacedTeacher[],
  dataset: Dataset,
  temperature: number,
): Promise<Tensor<'float32'>> {
  const each: Tensor<'float32'>[] = []
  for (const { model, units } of teachers) {
    const reader = openReader(engine, model, model.classes.length)
    try {
      each.push(inOrder(await reader.logits(dataset), units))
    } finally {
      await reader.dispose()
    }
  }
  const [only] = each
  return only && each.length === 1 ? only : meanOf(each, temperature)
}

/** Columns by the student's units. */
function inOrder(logits: Tensor<'float32'>, units: readonly number[]): Tensor<'float32'> {
  const [rows = 0, width = 0] = logits.dims
  if (units.length === width && units.every((unit, at) => unit === at)) return logits
  const found = float32([rows, units.length])
  for (let row = 0; row < rows; row++) {
    for (const [at, unit] of units.entries()) {
      found.data[row * units.length + at] = logits.data[row * width + unit] ?? Number.NaN
    }
  }
  return found
}

/** T log of the mean of softmax(logits / T). */
function meanOf(each: readonly Tensor<'float32'>[], temperature: number): Tensor<'float32'> {
  const { dims } = itemAt(each, 0, 'logits')
  const [rows = 0, width = 0] = dims
  const mean = float32(dims)
  for (let row = 0; row < rows; row++) {
    const sum = new Float64Array(width)
    for (const { data } of each) {
      const own = softmax(data.subarray(row * width, (row + 1) * width), temperature)
      for (const [at, share] of own.entries()) sum[at] = (sum[at] ?? 0) + share / each.length
    }
    // A share that is nothing in float64 stays a number.
    for (const [at, share] of sum.entries()) {
      mean.data[row * width + at] = temperature * Math.log(Math.max(share, Number.MIN_VALUE))
    }
  }
  return mean
}

function softmax(logits: Float32Array, temperature: number): Float64Array {
  const largest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  const shares = Float64Array.from(logits, (value) => Math.exp((value - largest) / temperature))
  const sum = shares.reduce((total, share) => total + share, 0)
  return shares.map((share) => share / sum)
}

/** Of a likely token of a place: its id and share; with several teachers those of each, what each says of them all, and the mean. */
const bytesOf = (teachers: number): number => (teachers === 1 ? 8 : 24 * teachers)

function refuseMany(
  teachers: readonly PlacedTeacher[],
  rows: readonly TaughtRows[],
  { topTokens: k }: AnswersAsked,
): void {
  const { units, name } = itemAt(teachers, 0, 'teacher')
  const bytes = rows.reduce((sum, { dataset }) => {
    const texts = kindOf(dataset) === 'token-classification'
    const row = texts
      ? itemAt(dataset.labels.dims, 1, 'axis') * Math.min(k, units.length) * bytesOf(teachers.length)
      : units.length * 4
    return sum + samples(dataset) * row
  }, 0)
  if (bytes <= MOST_BYTES) return
  const all = rows.reduce((sum, { dataset }) => sum + samples(dataset), 0)
  throw new UsageError(
    'distil-answers',
    `The answers of ${name} to ${all.toLocaleString('en-US')} rows would take ${(bytes / 2 ** 30).toFixed(1)} GiB; 4 are the most. Give fewer rows, or of texts fewer likely tokens a place: --top-tokens.`,
  )
}
