import type { BenchResult } from '../measure/results.ts'
import { capitalise } from './figures/index.ts'

/** The digits of its mark that a protocol is shown with. */
const DIGITS = 12

/** What a benchmark followed: `split-mnist@2 (0123456789ab)`, the digits telling its settings. */
export const protocolTitle = ({
  benchmark,
  protocol,
}: Pick<BenchResult, 'benchmark' | 'protocol'>): string =>
  protocol ? `${protocol.name}@${protocol.version} (${protocol.sha256.slice(0, DIGITS)})` : benchmark

/** The same with its scenarios, as one of several benchmarks is told apart: `split-mnist@2 (0123456789ab), Class-IL`. */
export function benchmarkTitle(bench: BenchResult): string {
  const runs = [...bench.results, ...(bench.missing ?? [])]
  const scenarios = [...new Set(runs.map(({ scenario }) => `${capitalise(scenario)}-IL`))]
  return [protocolTitle(bench), ...scenarios].join(', ')
}
