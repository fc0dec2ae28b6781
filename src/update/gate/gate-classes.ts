import { count } from '../../count.ts'
import type { PredictionSet } from '../../data/formats/index.ts'
import { preview } from '../../data/names/index.ts'
import { groupBy } from './gate-compare.ts'
import type { PairedExample } from './gate-join.ts'

/** A class of the examples that the baseline does not know. It cannot be forgotten, so it is no part of any drop. */
export interface NewClass {
  readonly name: string
  readonly n: number
  /** The candidate's, as a fraction. */
  readonly accuracy: number
}

/** Examples of classes that an older model knows, and the others. */
export interface OldAndNew {
  readonly known: readonly PairedExample[]
  readonly fresh: readonly PairedExample[]
  /** The labels of `fresh`. */
  readonly newLabels: ReadonlySet<string>
}

/**
 * Tells examples of classes that `older` knows from those that it cannot answer, where it says which classes it knows; else all count as known.
 *
 * @param classes Stand in for those of a side that does not say: what it answered is known besides.
 */
export function apart(
  examples: readonly PairedExample[],
  older: PredictionSet,
  classes = older.classes,
): OldAndNew {
  if (!classes) return { known: examples, fresh: [], newLabels: new Set() }
  const own = new Set([...classes, ...older.predictions.map(({ pred }) => pred)])
  const fresh = examples.filter(({ label }) => !own.has(label))
  return {
    known: examples.filter(({ label }) => own.has(label)),
    fresh,
    newLabels: new Set(fresh.map(({ label }) => label)),
  }
}

/** How the candidate does on examples of classes that are new to the baseline. */
export const newClasses = (fresh: readonly PairedExample[]): NewClass[] =>
  [...groupBy(fresh, ({ label }) => [label])].map(([name, own]) => ({
    name,
    n: own.length,
    accuracy: own.filter(({ after }) => after.pred === name).length / own.length,
  }))

/** What was left out of a comparison since the older side cannot answer it. */
export function leftOutWarning({ name }: PredictionSet, { fresh, newLabels }: OldAndNew): string[] {
  if (fresh.length === 0) return []
  return [
    `Left out of the comparison with ${name}: ${count(fresh.length, 'example')} of ${count(newLabels.size, 'class')} that it does not know (${preview([...newLabels])}). They say nothing of what was forgotten.`,
  ]
}

/** Classes that both sides say they know, and that no example is of. */
export function noExampleWarning(
  baseline: PredictionSet,
  candidate: PredictionSet,
  examples: readonly PairedExample[],
): string[] {
  const seen = new Set(examples.map(({ label }) => label))
  const next = new Set(candidate.classes ?? [])
  const missing = (baseline.classes ?? []).filter((name) => next.has(name) && !seen.has(name))
  if (missing.length === 0) return []
  return [
    `The data hold no example of ${count(missing.length, 'class')} that both models know (${preview(missing)}): nothing is shown of ${missing.length === 1 ? 'it' : 'them'}.`,
  ]
}
