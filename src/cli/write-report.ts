import type { BenchResult } from '../measure/results.ts'
import { type ReportOptions, reportHtml } from '../report/page.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import type { Call } from './verb.ts'

/** Writes the page of benchmarks, which names the command and the day. */
export async function writeReport(
  path: string,
  benches: BenchResult | readonly BenchResult[],
  { command }: Pick<Call, 'command'>,
  options: Pick<ReportOptions, 'more'> = {},
): Promise<void> {
  const created = new Date().toISOString().slice(0, 10)
  await writeWhole(path, reportHtml(benches, { ...options, command, created }))
}
