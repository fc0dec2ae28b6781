import type { Engine } from '../../engine/index.ts'
import { median } from '../../measure/statistics.ts'
import { mlp } from '../../model/layers/index.ts'
import { itemAt } from '../../required.ts'
import type { TaskRun } from '../run/index.ts'
import { adam } from '../step/index.ts'
import { drawnRows, openTimed } from './drawn-task.ts'

const WIDTHS = [784, 400, 400, 10]
const BATCH = 128
const ROWS = 256

/** The step that {@link stepTime} times, for people. */
export const timedStep = `MLP ${WIDTHS.join('-')}, batch ${BATCH}, Adam`

/** How fast an engine trains. */
export interface StepTime {
  /** From nothing to the first step done. */
  readonly openingMilliseconds: number
  /** Of a step: the median of calls of several. */
  readonly milliseconds: number
  /** Steps that it was measured on. */
  readonly steps: number
}

export interface StepTimeOptions {
  /** Calls that are timed; fewer where they take long. Default 5. */
  readonly calls?: number | undefined
  /** What a call should take at most, in milliseconds; one step at least. Default 50. */
  readonly callMilliseconds?: number | undefined
}

/**
 * Trains a small network for a moment: how long does a step take here? Takes a few tenths of a second, and nothing but `engine`.
 *
 * @throws What opening a step on the engine throws: EnvironmentError `device-unavailable`, `device-fallback`.
 * @example
 * const { milliseconds } = await stepTime(ortNode({ threads: 1 }))
 */
export async function stepTime(
  engine: Engine,
  { calls = 5, callMilliseconds = 50 }: StepTimeOptions = {},
): Promise<StepTime> {
  const began = performance.now()
  const train = drawnRows(ROWS, itemAt(WIDTHS, 0, 'width'))
  const small = { model: mlp({ widths: WIDTHS }), train, batchSize: BATCH, optimiser: adam() }
  const run = await openTimed(engine, small)
  try {
    await run.steps(0, 1)
    const openingMilliseconds = performance.now() - began
    // The first step of a graph is slower than the others.
    const second = await milliseconds(run, 1, 1)
    // Where one step takes all calls' time, it has told enough.
    if (second > calls * callMilliseconds) return { openingMilliseconds, milliseconds: second, steps: 1 }
    const steps = Math.max(1, Math.floor(callMilliseconds / second))
    const times: number[] = []
    for (let call = 0; call < calls; call++) times.push(await milliseconds(run, 2 + call * steps, steps))
    return { openingMilliseconds, milliseconds: median(times) / steps, steps: calls * steps }
  } finally {
    await run.dispose()
  }
}

async function milliseconds(run: TaskRun, from: number, count: number): Promise<number> {
  const began = performance.now()
  await run.steps(from, count)
  return performance.now() - began
}
