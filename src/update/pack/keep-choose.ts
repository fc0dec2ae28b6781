import { count } from '../../count.ts'
import { classLabels, type Dataset } from '../../data/dataset.ts'
import { chooseOfLabels, herding } from '../../data/memory/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { featureVectors } from '../../evaluate/features.ts'
import { hardestFirst } from '../../evaluate/hardest-first.ts'
import { openJudge } from '../../evaluate/judge.ts'
import type { Model } from '../../model/model.ts'
import { present } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { PackBudget } from './pack.ts'

/** Rows by class, classes ascending, in the order given. */
export function byClass(labels: Int32Array, rows: Iterable<number> = labels.keys()): Map<number, number[]> {
  const found = new Map<number, number[]>()
  for (const row of rows) {
    const label = labels[row] ?? -1
    const members = found.get(label)
    if (members) members.push(row)
    else found.set(label, [row])
  }
  return new Map([...found].sort(([a], [b]) => a - b))
}

/**
 * Divides a number of rows among classes as evenly as what they have allows: what a small class leaves goes to the others.
 *
 * @param available How many rows there are, by class.
 */
export function shares(available: ReadonlyMap<number, number>, rows: number): Map<number, number> {
  let left = rows
  let waiting = available.size
  const smallestFirst = [...available].sort(([a, m], [b, n]) => m - n || a - b)
  return new Map(
    smallestFirst.map(([label, count]) => {
      const share = Math.min(count, Math.floor(left / waiting))
      left -= share
      waiting--
      return [label, share]
    }),
  )
}

/**
 * Rows of each class that a budget leaves room for.
 *
 * @throws UsageError `keep-budget` for fewer rows than classes.
 */
export function quotas(
  available: ReadonlyMap<number, number>,
  { rows, perClass }: PackBudget,
): Map<number, number> {
  const given = rows ?? perClass ?? 0
  const least = rows === undefined ? 1 : available.size
  if (!Number.isInteger(given) || given < least) {
    throw new UsageError(
      'keep-budget',
      rows === undefined
        ? `The number of exemplars of each class is a whole number from 1 on, but it is ${given}.`
        : `A pack of ${count(given, 'exemplar')} has too few for ${count(available.size, 'class')}: at least one of each is needed, better 20.`,
    )
  }
  if (rows !== undefined) return shares(available, rows)
  return new Map([...available].map(([label, count]) => [label, Math.min(count, given)]))
}

export interface ChooseOptions {
  readonly engine: Engine
  readonly model: Model
  /** Labels are the model's outputs. */
  readonly dataset: Dataset
  /** Of the rows, where they are known. */
  readonly features?: Tensor<'float32'> | undefined
  readonly choose: PackBudget['choose']
  /** How many rows of each class. */
  readonly quota: ReadonlyMap<number, number>
  readonly random: RandomStream
}

/** As {@link chooseRows}, of rows in memory. */
export async function chooseForPack(options: ChooseOptions): Promise<Int32Array> {
  const { engine, model, dataset, features, choose, quota, random } = options
  if (Math.max(0, ...quota.values()) === 0) return new Int32Array()
  return chooseRows({
    ...{ labels: classLabels(dataset), choose, quota, random },
    features: choose === 'herding' ? (features ?? (await featureVectors(engine, model, dataset))) : undefined,
    logits: choose === 'hardest' ? await logitsOf(engine, model, dataset) : undefined,
  })
}

/** What a model answers for rows, to tell which are hard for it. */
export async function logitsOf(engine: Engine, model: Model, dataset: Dataset): Promise<Tensor<'float32'>> {
  const judge = openJudge(engine, model, model.classes.length)
  return judge.logits(dataset).finally(() => judge.dispose())
}

export interface ChooseRowsOptions extends Pick<ChooseOptions, 'choose' | 'quota' | 'random'> {
  /** The model's output for each row. */
  readonly labels: Int32Array
  /** For `herding`. */
  readonly features: Tensor<'float32'> | undefined
  /** For `hardest`. */
  readonly logits: Tensor<'float32'> | undefined
}

/**
 * Exemplars of each class, best first, classes ascending:
 * - `herding`: row by row the one that brings the mean of the chosen features nearest to the class's mean (Welling 2009;
 *   Rebuffi et al. 2017), in the space that the model's head reads;
 * - `random`;
 * - `hardest`: those whose own class the model gives the lowest probability; mislabelled rows come first.
 */
export function chooseRows(options: ChooseRowsOptions): Int32Array {
  const { labels, quota } = options
  const most = Math.max(0, ...quota.values())
  if (most === 0) return new Int32Array()
  return Int32Array.from(
    [...byClass(labels, rank(options, most))].flatMap(([label, rows]) =>
      rows.slice(0, quota.get(label) ?? 0),
    ),
  )
}

function rank(
  { labels, features, logits, choose, random }: ChooseRowsOptions,
  most: number,
): Iterable<number> {
  if (choose === 'random') return chooseOfLabels(labels, most, random)
  if (choose === 'herding') return herding(present(features, 'features of the rows'), labels, most)
  return hardestFirst(present(logits, 'answers for the rows'), labels)
}
