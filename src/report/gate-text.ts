import type { GateResult } from '../update/gate/index.ts'
import { type TableData, visible } from './figures/index.ts'
import {
  classTable,
  decidingReason,
  figuresLine,
  groupTable,
  legend,
  overallTable,
  verdictWord,
} from './gate-table.ts'
import { beforeAndAfter, type SideWords } from './sides.ts'
import { textTable } from './text-table.ts'

/**
 * A gate's result for the terminal: the verdict, the reason in one sentence, the tables.
 *
 * @param options `most`: how many classes and slices are shown, default 10; `sides`: what the two models are called, default before and after
 * @example console.log(gateText(gate(baseline, candidate, { maxDrop: 0.01 })))
 */
export function gateText(
  result: GateResult,
  options: { readonly most?: number; readonly sides?: SideWords } = {},
): string {
  const { most = 10, sides = beforeAndAfter } = options
  const others = result.rules
    .map(({ reason }) => reason)
    .filter((reason) => reason !== decidingReason(result))
  const lines = [
    `${verdictWord[result.verdict]}. ${decidingReason(result)}`,
    ...others,
    ...result.warnings.map((warning) => `Warning: ${warning}`),
    '',
    `${result.baseline} against ${result.candidate}`,
    ...textTable(overallTable(result, sides)),
    figuresLine(result),
    ...groups(classTable(result, most, sides), result.perClass.length - most),
    ...moreNew(result.newClasses.length - most),
    ...groups(groupTable('slice', result.slices, most, sides), result.slices.length - most),
    '',
    legend(result, sides),
  ]
  return visible(lines.join('\n'))
}

/** @param left how many with smaller drops are not in the table */
function groups(table: TableData, left: number): string[] {
  if (table.rows.length === 0) return []
  return [
    '',
    ...textTable(table),
    ...(left > 0 ? [`… and ${left} more with smaller drops (--json has all)`] : []),
  ]
}

const moreNew = (left: number): string[] =>
  left > 0 ? [`… and ${left} more that are new (--json has all)`] : []
