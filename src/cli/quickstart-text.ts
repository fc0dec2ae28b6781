import { points } from '../measure/points.ts'
import type { BenchResult, RunResult } from '../measure/results.ts'
import { liveTable, type TableRow, type TerminalStyle } from '../report/terminal.ts'

/** Task names short enough for a table. */
export const quickstartTasks: readonly string[] = ['0-4', '5-9']

/** A part of the quickstart as lines: its title and its table. */
export const partLines = (title: string, rows: readonly TableRow[], style: TerminalStyle): string[] => [
  `${title}: accuracy in %`,
  ...liveTable(rows, quickstartTasks, style),
]

/** Accuracy on the first task at the end. */
const kept = (run: RunResult): number => run.matrix.at(-1)?.[0] ?? 0
/** Points of accuracy that count as a difference: one seed says no more. */
const WORTH_SAYING = 0.05

/** Two sentences on what was seen; they follow the numbers, whatever these are. */
export function closingLines(benches: readonly BenchResult[]): string[] {
  const classPart = benches.filter(({ results }) => results[0]?.scenario === 'class').at(-1)
  const taskPart = benches.find(({ results }) => results[0]?.scenario === 'task')
  const find = (bench: BenchResult | undefined, method: string) =>
    bench?.results.find((run) => run.method === method)
  const none = find(classPart, 'none')
  const ewc = find(classPart, 'ewc')
  const replay = find(classPart, 'replay')
  const lines: string[] = []
  if (none && ewc && replay) {
    const learned = none.matrix[0]?.[0] ?? 0
    const verdict =
      kept(ewc) - kept(none) < WORTH_SAYING
        ? `EWC did not prevent it (${points(kept(ewc))} %)`
        : kept(ewc) < learned / 2
          ? `EWC hardly prevented it (${points(kept(ewc))} %)`
          : `EWC kept ${points(kept(ewc))} %`
    lines.push(
      `Taught 5-9 after 0-4, the MLP with ten outputs fell from ${points(learned)} % on 0-4 to ${points(kept(none))} %; ${verdict}, replaying 100 old examples a digit kept ${points(kept(replay))} %.`,
    )
  }
  const plain = find(taskPart, 'none')
  const penalised = find(taskPart, 'ewc')
  if (plain && penalised) {
    const gained = kept(penalised) - kept(plain) >= WORTH_SAYING
    lines.push(
      `Told which of the two groups a digit belongs to, plain fine-tuning kept ${points(kept(plain))} % and EWC, without any old data, ${points(kept(penalised))} %: ${
        gained
          ? 'EWC is for models that know the task; where classes are added to one output, keep some old data.'
          : 'here the penalty made little difference.'
      }`,
    )
  }
  return lines
}
