import { runMetrics } from '../../measure/metrics.ts'
import type { RunResult } from '../../measure/results.ts'
import { textRates } from '../../measure/text-scores.ts'
import { untoldMetrics } from '../../measure/untold-metrics.ts'
import { itemAt } from '../../required.ts'
import type { PreparedPlan, RunPlan } from '../plan/index.ts'
import type { RunState } from '../run/index.ts'
import { importanceSummary } from './importance.ts'

/** A finished run's figures. */
export function runResult(
  plan: RunPlan,
  { stream, model }: Pick<PreparedPlan, 'stream' | 'model'>,
  state: RunState,
): RunResult {
  const { initial, matrix, curve, seconds, rounds, texts } = state.record
  const importance = importanceSummary(
    state.method,
    model.parameters.keys(),
    itemAt(stream.tasks, 0, 'task').train.inputs.dims.slice(1),
  )
  return {
    benchmark: plan.name,
    ...(plan.protocol && { protocol: plan.protocol }),
    method: plan.method.name,
    scenario: stream.scenario,
    seed: plan.seed,
    ...(stream.untold
      ? untoldMetrics({ matrix, curve })
      : runMetrics({ matrix, initial, ...(plan.evaluateEvery === undefined ? {} : { curve }) })),
    matrix: rowsThatCount(matrix, stream),
    initial,
    curve,
    seconds,
    storedBytes: storedBytes(state),
    ...(texts && {
      texts: {
        initial: texts.initial.map(textRates),
        matrix: rowsThatCount(texts.matrix, stream).map((row) => row.map(textRates)),
      },
    }),
    ...(rounds && { rounds }),
    ...(importance ? { importance } : {}),
  }
}

/** Where no borders are told pieces are no tasks: what counts is where the run went, and its end. */
const rowsThatCount = <Row>(
  matrix: readonly Row[],
  { untold }: Pick<PreparedPlan['stream'], 'untold'>,
): readonly Row[] => (untold ? matrix.slice(-1) : matrix)

const storedBytes = ({ method }: RunState): number =>
  [...method.tensors.values()].reduce((sum, { type, data }) => {
    if (type !== 'string') return sum + (data as Float32Array).byteLength
    return (data as readonly string[]).reduce((all, text) => all + new TextEncoder().encode(text).length, sum)
  }, 0)
