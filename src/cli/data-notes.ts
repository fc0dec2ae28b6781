import { asWarning, noteLines } from '../data/notes.ts'
import { methodWarning } from '../methods/advice.ts'
import type { RunPlan } from '../train/plan/index.ts'
import type { LoadedPlan, LoadPlanOptions } from '../train/plan/index-files.ts'
import type { Screen } from './screen.ts'

/** Says loudly when data are not those that were asked for, or are drawn, and what was recognised in reading. */
export function noteData(
  { instead, inputs, notes }: Pick<LoadedPlan, 'instead' | 'inputs' | 'notes'>,
  screen: Screen,
): void {
  sayNotes(notes, screen)
  if (instead !== undefined) {
    screen.warn(`warning: this is not MNIST, but synthetic digits drawn by Holdfast: ${instead}`)
  } else if (inputs.data.some(({ train, test }) => train.synthetic || test.synthetic)) {
    screen.warn('note: synthetic digits drawn by Holdfast; do not compare these figures with published ones.')
  }
}

/** Notes that have been said, those that are warnings apart. */
interface Said {
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
}

/**
 * What was recognised, altered or left out in reading: whatever `--quiet` says, as it changes what a result means.
 *
 * @param before What need not be said again, as the same data were read before.
 */
export function sayNotes(notes: readonly string[], screen: Screen, before?: Said): void {
  const known = new Set(before ? [...before.notes, ...before.warnings.map(asWarning)] : [])
  for (const line of noteLines(notes.filter((note) => !known.has(note)))) screen.warn(line)
}

/** Says loudly, once each, where a method is used in a scenario that it is known to fail in. */
export function noteMethods(plans: readonly Pick<RunPlan, 'method' | 'stream'>[], screen: Screen): void {
  const warnings = plans.flatMap(({ method, stream }) => methodWarning(method.name, stream.scenario) ?? [])
  for (const warning of new Set(warnings)) screen.warn(`warning: ${warning}`)
}

/** Says where a list of tasks has a name or data twice: that may be meant, and most often is not. */
export function noteTasks({ stream }: Pick<RunPlan, 'stream'>, screen: Screen): void {
  if (stream.kind !== 'list') return
  for (const [what, values] of [
    ['are called', stream.tasks.map(({ name }) => name)],
    ['learn from', stream.tasks.map(({ source }) => source)],
  ] as const) {
    const twice = new Set(values.filter((value, at) => values.indexOf(value) < at))
    for (const value of twice) screen.warn(`note: several tasks ${what} ${value}.`)
  }
}

/** Shows how many of its old texts a model has written, and for how long it will go on. */
export const showWriting = (screen: Screen): NonNullable<LoadPlanOptions['onWriting']> => {
  let began = performance.now()
  return (kept, wanted) => {
    if (kept === 0) began = performance.now()
    screen.progress({
      ...{ label: 'old texts, written by the model', done: kept, total: wanted, unit: 'texts' },
      rate: (1000 * kept) / (performance.now() - began),
    })
  }
}

/** Shows a download as it goes. */
export const showDownload = (screen: Screen): NonNullable<LoadPlanOptions['onProgress']> => {
  return ({ file, received, total }) =>
    screen.progress({ label: file, done: received, total: total ?? received, unit: 'bytes' })
}
