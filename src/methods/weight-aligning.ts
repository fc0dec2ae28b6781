import { z } from 'zod'
import { ONLINE_MEMORY } from './borders.ts'
import { methodEntry } from './entry.ts'
import {
  changed,
  classOf,
  joiningUnits,
  meanOf,
  refusesCorrections,
  type TrainedHead,
  trainedHead,
} from './head-correction.ts'
import type { Method } from './method.ts'

const NAME = 'weight-aligning'

/**
 * Weight aligning (Zhao et al. 2020, CVPR): where new classes have joined a head, their rows of weights have grown longer than
 * those of old classes, of which few rows were shown, and win by that. At a task's end the rows of its new classes are
 * multiplied by the mean length of old classes' rows over that of new ones'; biases stay. A teacher that is composed behind it
 * is the aligned model, as in the paper.
 *
 * @throws UsageError `weight-aligning-scenario` where no classes join one head, `weight-aligning-head` for a head that does not
 * train; ModelError `head-missing`.
 * @example
 * const method = compose(weightAligning(), replay({ perClass: 20 }), distil())
 */
export function weightAligning(): Method {
  return {
    name: NAME,
    settings: {},
    past: 'nothing',
    needsBorders: `It corrects the head when a task ends, new classes against old ones. ${ONLINE_MEMORY}`,
    corrects: true,
    inputs: (_state, task) => {
      // Before a task is trained for nothing.
      joiningUnits(NAME, task)
      return new Map()
    },
    consolidate: async (state, context) => {
      const { old, fresh } = joiningUnits(NAME, context)
      if (old.length === 0 || fresh.length === 0) return { state }
      const { weight } = trainedHead(NAME, context)
      const lengths = lengthsOf(weight)
      const mean = meanOf(lengths, fresh)
      // Rows of nothing but zeros have no length to align.
      if (mean === 0) return { state }
      const factor = meanOf(lengths, old) / mean
      const joined = new Set(fresh)
      const aligned = changed(weight.tensor, classOf(weight), (unit) => ({
        factor: joined.has(unit) ? factor : 1,
      }))
      return { state, parameters: new Map([[weight.name, aligned]]) }
    },
    refuses: refusesCorrections(NAME),
  }
}

/** The length of each class's weights. */
function lengthsOf(weight: TrainedHead['weight']): ReadonlyMap<number, number> {
  const classAt = classOf(weight)
  const squares = new Map<number, number>()
  for (const [at, value] of weight.tensor.data.entries()) {
    const unit = classAt(at)
    squares.set(unit, (squares.get(unit) ?? 0) + value * value)
  }
  return new Map([...squares].map(([unit, square]) => [unit, Math.sqrt(square)]))
}

export const weightAligningEntry = methodEntry({
  name: NAME,
  summary: 'rows of new classes as long as those of old ones, at a task’s end (Zhao et al. 2020)',
  needs: 'no',
  keeps: 'nothing',
  helps: 'new classes on one head, beside replay and distillation',
  options: z.strictObject({}),
  create: weightAligning,
})
