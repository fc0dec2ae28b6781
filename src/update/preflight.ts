import { count } from '../count.ts'
import { type Dataset, samples } from '../data/dataset.ts'
import { preview } from '../data/names/index.ts'
import { sortedNotes } from '../data/notes.ts'
import { type OverlapFact, overlapsIn, overlapWarning } from './overlaps.ts'
import { assignRows, type Parts, rowsIn, type UpdateData } from './parts.ts'
import { type Budget, effectiveRows, type PowerFacts, powerOf } from './path/index.ts'
import type { ChosenMethod } from './recipes/index.ts'
import type { UpdateEstimate } from './update-types.ts'

/** How the classes of the new data and those of the model compare. */
export interface ClassFacts {
  /** Of the model. */
  readonly known: readonly string[]
  /** Those of them that the new data have, too. */
  readonly kept: readonly string[]
  /** New to the model, in the order that they get outputs in. */
  readonly added: readonly string[]
  /** Added classes that differ from one of the model's in case or punctuation only: perhaps the same. */
  readonly nearMisses: readonly { readonly data: string; readonly model: string }[]
}

export interface PreflightOptions {
  readonly classes: ClassFacts
  readonly data: UpdateData
  readonly method: ChosenMethod
  readonly budget: Budget
  /** What was assumed or done while the data were read. */
  readonly notes?: readonly string[]
}

/** What was found before training, and what follows from it. */
export interface Preflight {
  readonly classes: ClassFacts
  /** Nothing in the data says which task an input belongs to: one head has to tell all classes apart. */
  readonly taskKnown: false
  readonly rows: {
    readonly train: number
    readonly heldOut: number
    readonly exemplars: number
    readonly oldHeldOut: number
    /** Held out beside them, as activations. */
    readonly oldActivations: number
    readonly unlabelled: number
  }
  /** Rows whose input has been seen before in the new training data. */
  readonly duplicates: number
  /** Inputs that stand in two parts. */
  readonly overlaps: readonly OverlapFact[]
  readonly method: Pick<ChosenMethod, 'name' | 'reasons'>
  /** Null until it has been measured. */
  readonly cost: UpdateCost | null
  /** Whether the old rows that the result is checked on can show the budget; null without old rows. */
  readonly power: PowerFacts | null
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
}

/** What an update takes in all. */
export interface UpdateCost extends UpdateEstimate {
  /** Seconds that went to reading the model and the data, and to features where the pack is private. */
  readonly reading: number
}

/**
 * Looks at what there is for an update, before anything is trained.
 *
 * @throws UsageError `update-data` without rows to train on and to measure on.
 * @example
 * const { warnings, power } = preflight({ classes, data, method, budget: { maxDrop: 0.01 } })
 */
export function preflight(options: PreflightOptions): Preflight {
  const { classes, data, method, budget, notes = [] } = options
  const told = sortedNotes(notes)
  const parts = assignRows(data)
  const { duplicates, overlaps } = overlapsIn(data)
  const power = parts.proof
    ? powerOf(parts.proof.labels.length, budget, effectiveRows(parts.proof.labels, budget, data.traffic))
    : null
  return {
    classes,
    taskKnown: false,
    rows: {
      train: samples(data.train),
      heldOut: rowsIn(data.heldOut, data.check),
      exemplars: rowsIn(data.exemplars),
      oldHeldOut: rowsIn(data.oldHeldOut),
      oldActivations: rowsIn(data.oldActivations?.rows),
      unlabelled: rowsIn(data.unlabelled),
    },
    ...{ duplicates, overlaps },
    method: { name: method.name, reasons: method.reasons },
    cost: null,
    power,
    notes: [...told.notes, ...notRehearsed(parts, rowsIn(data.exemplars))],
    warnings: [
      ...told.warnings,
      ...classWarnings(classes, data.train),
      ...unprovedWarning(classes, [parts.proof?.labels, data.oldActivations?.rows.labels.data]),
      ...overlaps.flatMap(overlapWarning),
      ...powerWarning(power, budget),
    ],
  }
}

/** Says so where there are more exemplars than training draws. */
function notRehearsed({ exemplars, order }: Parts, given: number): string[] {
  const [rehearsed, ordering] = [rowsIn(exemplars), rowsIn(order)]
  if (rehearsed + ordering >= given) return []
  return [
    `of ${count(given, 'old example')} ${rehearsed.toLocaleString('en-US')} are rehearsed, as many of each class, and ${ordering.toLocaleString('en-US')} order candidates: training draws no more.`,
  ]
}

function classWarnings({ added, nearMisses }: ClassFacts, { labels, classes }: Dataset): string[] {
  const seen = new Set<number>(labels.data)
  const empty = added.filter((name) => !seen.has(classes.indexOf(name)))
  return [
    ...nearMisses.map(
      ({ data, model }) =>
        `The new class "${data}" is spelled almost as "${model}", which the model knows. If they are the same, correct the name in the data.`,
    ),
    ...(empty.length > 0
      ? [`There is no new training row of ${empty.join(', ')}: nothing can be learned of it.`]
      : []),
  ]
}

/** Says so where old rows prove, and there are none of some old class. */
function unprovedWarning({ known }: ClassFacts, parts: readonly (Iterable<number> | undefined)[]): string[] {
  const seen = new Set(parts.flatMap((labels) => (labels ? [...new Set(labels)] : [])))
  const unseen = known.filter((_, unit) => !seen.has(unit))
  if (seen.size === 0 || unseen.length === 0) return []
  return [
    `There is no old row of ${preview(unseen)} to prove on: nothing will be shown of what the model still knows of ${unseen.length === 1 ? 'it, and it' : 'them, and they'} may be lost.`,
  ]
}

function powerWarning(power: PowerFacts | null, { maxDrop }: Budget): string[] {
  if (power === null) {
    return [
      'There are no old rows to measure on, so nothing can be said of what is kept: the result will be inconclusive (exit code 3).',
    ]
  }
  if (power.enough) return []
  const rows = `${power.n.toLocaleString('en-US')} old rows to prove on`
  const probably = 'The result will probably be inconclusive (exit code 3).'
  if (power.least === null) {
    return [`A drop of nothing is shown only where answers change for the better. ${probably}`]
  }
  if (power.tolerates === null) {
    return [
      `${rows} cannot show a drop of at most ${percent(maxDrop)} points, even if no answer changes: that takes ${power.least.toLocaleString('en-US')}. So many can show ${percent(power.smallestBudget)} at best. ${probably}`,
    ]
  }
  return [
    `${rows} are few for a budget of ${percent(maxDrop)} points: if 1 % of answers change, as many for the better as for the worse, they show it in ${(100 * power.chance).toFixed(0)} % of cases. ${probably}`,
  ]
}

const percent = (fraction: number): string => (100 * fraction).toFixed(2)
