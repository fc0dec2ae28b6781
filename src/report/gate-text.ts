import type { GateResult } from '../update/gate/index.ts'
import { visible } from './figures/index.ts'
import {
  decidingReason,
  figuresLine,
  groupTable,
  legend,
  overallTable,
  verdictWord,
  warnings,
} from './gate-table.ts'
import { textTable } from './text-table.ts'

/**
 * A gate's result for the terminal: the verdict, the reason in one sentence, the tables.
 *
 * @param options `most`: how many classes and slices are shown, default 10
 * @example console.log(gateText(gate(baseline, candidate, { maxDrop: 0.01 })))
 */
export function gateText(result: GateResult, options: { readonly most?: number } = {}): string {
  const { most = 10 } = options
  const others = result.rules
    .map(({ reason }) => reason)
    .filter((reason) => reason !== decidingReason(result))
  const lines = [
    `${verdictWord[result.verdict]}. ${decidingReason(result)}`,
    ...others,
    ...warnings(result).map((warning) => `Warning: ${warning}`),
    '',
    `${result.baseline} against ${result.candidate}`,
    ...textTable(overallTable(result)),
    figuresLine(result),
    ...groups('class', result.perClass, most),
    ...groups('slice', result.slices, most),
    '',
    legend(result),
  ]
  return visible(lines.join('\n'))
}

function groups(kind: 'class' | 'slice', found: GateResult['perClass'], most: number): string[] {
  if (found.length === 0) return []
  const left = found.length - most
  return [
    '',
    ...textTable(groupTable(kind, found, most)),
    ...(left > 0 ? [`… and ${left} more with smaller drops (--json has all)`] : []),
  ]
}
