import type { BenchResult } from '../measure/results.ts'
import { type ReportOptions, reportHtml } from '../report/page.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import type { Call } from './verb.ts'

/** What a page says of how it was made: the command and the day. */
export const pageOrigin = ({ command }: Pick<Call, 'command'>) => ({
  command,
  created: new Date().toISOString().slice(0, 10),
})

/** Writes the page of benchmarks. */
export async function writeReport(
  path: string,
  benches: BenchResult | readonly BenchResult[],
  call: Pick<Call, 'command'>,
  options: Pick<ReportOptions, 'more'> = {},
): Promise<void> {
  await writeWhole(path, reportHtml(benches, { ...options, ...pageOrigin(call) }))
}
