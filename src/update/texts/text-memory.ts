import { byteSize } from '../../count.ts'
import { HoldfastError, UsageError } from '../../errors.ts'
import { weightsOf } from '../../model/model.ts'
import { byteLengthOfAll } from '../../tensor/bytes.ts'
import { countStep } from '../../train/inspect/index.ts'
import { trainedModel } from '../recipes/index.ts'
import type { ProcessMemory } from './process-memory.ts'
import { textUpdateDefaults } from './text-defaults.ts'
import type { TextRung } from './text-rungs.ts'
import type { TextUpdateOptions } from './text-update-types.ts'

/** The rungs that memory has room for, and what is to be said of it, in sentences. */
export interface RungsWithRoom {
  readonly rungs: readonly TextRung[]
  readonly notes: readonly string[]
}

/** What changes how much memory a step takes. */
interface Step {
  readonly batchSize: number
  readonly recompute: boolean
}

/**
 * What an update takes at its peak, by what its step alone does: other sessions measure beside it. SmolLM-135M's shape took 1.42 times as
 * much for low-rank updates and 1.31 for all weights (docs/language-models.md).
 */
const BESIDE = 1.4

/**
 * Leaves out the rungs whose steps alone take more than all the memory that there can be, before they are opened: the system would end the
 * process. Where only what stands beside them may be too much, a note says so.
 *
 * @throws UsageError `update-memory` where that is the first rung.
 */
export function rungsWithRoom(options: TextUpdateOptions, rungs: readonly TextRung[]): RungsWithRoom {
  const { memory, batchSize = textUpdateDefaults.batchSize, recompute = false } = options
  if (!memory) return { rungs, notes: [] }
  const { whole, free } = memory
  const step = { batchSize, recompute }
  const taken: TextRung[] = []
  const notes: string[] = []
  for (const rung of rungs) {
    const bytesOf = stepOf(options, rung)
    const bytes = bytesOf(step) ?? 0
    // What would fit once nothing else runs is better than what nobody can take.
    const way = bytes * BESIDE > free ? waySaid(bytesOf, step, bytes > whole ? whole : free) : undefined
    if (bytes > whole) {
      const short = `${rung.place} would take ${byteSize(bytes)} of ${byteSize(whole)} of memory`
      if (taken.length === 0) throw noRoom(rung, short, way)
      const names = taken.map(({ place }) => place).join(', ')
      // What is above it trains more.
      return { rungs: taken, notes: [...notes, sentences(`${names} alone: ${short}`, way)] }
    }
    if (bytes * BESIDE > free) notes.push(sentences(tight(rung, bytes, memory), way))
    taken.push(rung)
  }
  return { rungs: taken, notes }
}

const tight = ({ place }: TextRung, bytes: number, { whole, free }: ProcessMemory): string =>
  `memory may be short for training ${place}: a step takes ${byteSize(bytes)}, up to ${byteSize(BESIDE * bytes)} with what measures beside it, and ${byteSize(free)} of ${byteSize(whole)} are free`

const sentences = (first: string, second: string | undefined): string =>
  `${first.charAt(0).toUpperCase()}${first.slice(1)}.${second === undefined ? '' : ` ${second}`}`

function noRoom({ name }: TextRung, short: string, way: string | undefined): UsageError {
  const less = name === 'whole' ? 'train less of it (--rungs low-rank, --train), ' : ''
  return new UsageError(
    'update-memory',
    sentences(
      `${short}, and the system would end the process`,
      way ??
        `Neither --recompute nor a smaller --batch leaves room: ${less}read shorter rows (--max-length), or take a machine with more memory.`,
    ),
  )
}

/** What makes a step fit: activations computed again, else a smaller batch, else both; undefined where nothing does. */
function waySaid(bytesOf: StepBytes, step: Step, room: number): string | undefined {
  const batches: number[] = []
  for (let batch = step.batchSize >> 1; batch >= 1; batch >>= 1) batches.push(batch)
  const smaller = batches.map((batchSize) => ({ ...step, batchSize }))
  const recomputed = (way: Step) => ({ ...way, recompute: true })
  const ways = step.recompute ? smaller : [recomputed(step), ...smaller, ...smaller.map(recomputed)]
  for (const way of ways) {
    const bytes = bytesOf(way)
    if (bytes === undefined || bytes * BESIDE > room) continue
    const flags = [
      ...(way.recompute && !step.recompute ? ['--recompute'] : []),
      ...(way.batchSize < step.batchSize ? [`--batch ${way.batchSize}`] : []),
    ]
    return `With ${flags.join(' ')} a step takes ${byteSize(bytes)}.`
  }
  return undefined
}

/** What the process takes at its peak that reads the model and trains a rung of it; undefined where a step cannot be counted: opening it says why. */
type StepBytes = (step: Step) => number | undefined

function stepOf({ model, rows, seed = 0 }: TextUpdateOptions, { lora, select }: TextRung): StepBytes {
  const trained = counted(() => trainedModel({ lora, select, seed }, model).model)
  if (!trained) return () => undefined
  const fileBytes = byteLengthOfAll([...weightsOf(model).values(), ...model.graph.initializers.values()])
  return ({ batchSize, recompute }) => {
    const asked = { batch: batchSize, sequence: rows.length, dims: {}, recompute, fileBytes }
    return counted(() => countStep({ model: trained, ...asked }).cost.bytes)
  }
}

function counted<T>(count: () => T): T | undefined {
  try {
    return count()
  } catch (problem) {
    if (problem instanceof HoldfastError) return undefined
    throw problem
  }
}
