/** A finished run: bits per byte on both kinds of text. */
export interface TextRun {
  readonly model: string
  readonly steps: number
  readonly rate: number
  readonly rows: number
  readonly method: string
  readonly seed: number
  readonly old: number
  readonly new: number
  readonly seconds: number
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

function spread(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(
    values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, values.length - 1),
  )
}

const told = (values: readonly number[], digits: number): string =>
  values.length > 1
    ? `${mean(values).toFixed(digits)} ± ${spread(values).toFixed(digits)}`
    : mean(values).toFixed(digits)

/**
 * A line for each method, those named first in that order: means and standard deviations over seeds. The share of the forgetting that a method removes is, seed by seed,
 * 1 - (old - before) / (old of none - before).
 */
export function forgettingTable(runs: readonly TextRun[], order: readonly string[]): string {
  const before = runs.find(({ method }) => method === 'before')
  if (!before) return 'Nothing has been measured yet.'
  const found = new Set(runs.map(({ method }) => method))
  const others = [...found].filter((name) => name !== 'before' && !order.includes(name))
  const methods = [...order.filter((name) => found.has(name)), ...others]
  const plain = new Map(runs.filter(({ method }) => method === 'none').map((run) => [run.seed, run]))
  const lines = methods.map((name) => {
    const own = runs.filter(({ method }) => method === name)
    const removed = own.flatMap((run) => {
      const free = plain.get(run.seed)
      return free ? [100 * (1 - (run.old - before.old) / (free.old - before.old))] : []
    })
    const cells = [
      name,
      told(
        own.map((run) => run.old),
        3,
      ),
      told(
        own.map((run) => run.new),
        3,
      ),
      name === 'none' || removed.length === 0 ? '' : `${told(removed, 0)} %`,
      Math.round(mean(own.map(({ seconds }) => seconds))),
      own.length,
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [
    '| method | old text | new text | forgetting removed | seconds | seeds |',
    '|---|---|---|---|---|---|',
    `| before | ${before.old.toFixed(3)} | ${before.new.toFixed(3)} | | | |`,
    ...lines,
  ].join('\n')
}
