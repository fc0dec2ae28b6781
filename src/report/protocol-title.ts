import type { BenchResult } from '../measure/results.ts'

/** The digits of its mark that a protocol is shown with. */
const DIGITS = 12

/** What a benchmark followed: `split-mnist@2 (0123456789ab)`, the digits telling its settings. */
export const protocolTitle = ({
  benchmark,
  protocol,
}: Pick<BenchResult, 'benchmark' | 'protocol'>): string =>
  protocol ? `${protocol.name}@${protocol.version} (${protocol.sha256.slice(0, DIGITS)})` : benchmark
