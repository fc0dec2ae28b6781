import { count } from '../count.ts'
import { points } from '../measure/points.ts'
import type { UpdateSummary } from '../update/summary.ts'
import type { TableData } from './figures/index.ts'

/** So many classes are shown, those that are right least often. */
const SHOWN = 5

/** A class of which less than this is right is part of the headline; of fewer rows than these nothing is said there. */
const LOW = { below: 0.2, rows: 5 } as const

const worstFirst = ({ new: { byClass } }: UpdateSummary) => [...byClass].sort((a, b) => a.after - b.after)

/** New accuracy by class, the worst first; undefined where new rows are of one class. */
export function classesTable(summary: UpdateSummary): TableData | undefined {
  const all = worstFirst(summary)
  if (all.length < 2) return undefined
  const shown = all.slice(0, SHOWN)
  return {
    caption: `New accuracy by class, with its 95 % interval${shown.length < all.length ? `: the ${shown.length} of ${all.length} classes that are right least often` : ''}`,
    head: ['class', 'trained on', 'examples', 'before %', 'after %', 'between'],
    rows: shown.map(({ name, trained, n, before, after, lower, upper }) => [
      name,
      trained.toLocaleString('en-US'),
      n.toLocaleString('en-US'),
      points(before, 2),
      points(after, 2),
      `${points(lower)} to ${points(upper)}`,
    ]),
  }
}

/** What a headline has to say of new classes that hardly any row is right of; undefined where all is well. */
export function lowClassWords(summary: UpdateSummary): string | undefined {
  const low = worstFirst(summary).filter(({ added, n, after }) => added && n >= LOW.rows && after < LOW.below)
  const [worst] = low
  if (!worst) return undefined
  const others = low.length > 1 ? `, and ${count(low.length - 1, 'other new class')} below 20 %` : ''
  return `but "${worst.name}" is right in ${points(worst.after, 0)} % of ${count(worst.n, 'new example')}${others}`
}
