import type { Dataset } from '../data/dataset.ts'
import { concatenateRows } from '../data/rows.ts'
import type { Engine } from '../engine/engine.ts'
import { activationsAt, modelAbove, type Place } from '../evaluate/cuts/index.ts'
import { type Answers, type Judge, openJudge } from '../evaluate/judge.ts'
import type { Model } from '../model/model.ts'
import { sameDims, type Tensor } from '../tensor/tensor.ts'
import { type ActivationRows, joined } from './proof-rows.ts'
import type { Rung } from './recipes/index.ts'

type Weights = ReadonlyMap<string, Tensor>

/** Answers for the old rows that prove, with any weights: those of inputs, and behind them those of activations. */
export type Prover = (weights?: Weights) => Promise<Answers>

/**
 * @param judge Answers for `inputs`.
 * @param above Answers for activations, and these as it reads them.
 * @param how `answersOnce` for weights that are asked for once.
 */
export const proverOf =
  (
    judge: Judge,
    inputs: Dataset | undefined,
    above: Activated | undefined,
    how: 'answers' | 'answersOnce' = 'answers',
  ): Prover =>
  async (weights) => {
    const first = await judge[how](inputs, weights)
    if (!above) return first
    const then = await above.judge[how](await above.rows(), weights)
    return {
      logits: concatenateRows([first.logits, then.logits]),
      labels: joined(first.labels, then.labels),
    }
  }

/** Activations, and what answers for them. */
export interface Activated {
  readonly judge: Judge
  readonly rows: () => Promise<Dataset>
}

/** What answers for activations with the part of a model above their cut. */
export function openActivated(
  engine: Engine,
  model: Model,
  given: ActivationRows | undefined,
  outputs: number,
): Activated | undefined {
  if (!given) return undefined
  const judge = openJudge(engine, modelAbove(model, given.cut), outputs)
  return { judge, rows: () => Promise.resolve(given.rows) }
}

/**
 * The same for a rung: where what it reads follows from the activations, its own part answers, and what lies between is run once.
 *
 * @param own What answers for the rung.
 * @param whole What answers with all that lies above the activations.
 */
export function activatedAt(
  { engine, model, rung, own }: { engine: Engine; model: Model; rung: Rung; own: Judge },
  given: ActivationRows | undefined,
  whole: Activated | undefined,
): Activated | undefined {
  const { cut } = rung
  if (!given || !whole || !cut || !follows(model, given.cut, cut)) return whole
  let made: Promise<Dataset> | undefined
  const here = cut.values.join() === given.cut.values.join()
  return {
    judge: own,
    rows: () => {
      made ??= here
        ? Promise.resolve(given.rows)
        : activationsAt(engine, modelAbove(model, given.cut), cut, given.rows)
      return made
    },
  }
}

/** Whether the values of a cut are those of another below it, or made of them, for rows of the same dims. */
function follows(model: Model, below: Place, above: Place): boolean {
  if (below.rowDims && above.rowDims && !sameDims(below.rowDims, above.rowDims)) return false
  if (below.values.join() === above.values.join()) return true
  const { nodes } = modelAbove(model, below).graph
  const made = new Set(nodes.flatMap(({ outputs }) => outputs))
  return above.values.every((value) => made.has(value))
}
