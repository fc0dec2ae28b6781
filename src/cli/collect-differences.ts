import { benchmarkTitle } from '../report/protocol-title.ts'
import { itemAt } from '../required.ts'
import type { Collected } from '../study/grid/index-files.ts'

/** How much of a setting is shown. */
const MOST_SHOWN = 60

/** A line for each of several benchmarks: which of them it is, its protocol and scenarios, and in what it is not as the others. None for one alone. */
export function differences(found: readonly Collected[]): string[] {
  if (found.length < 2) return []
  const facts = found.map(factsOf)
  const differing = [...new Set(facts.flatMap((each) => Object.keys(each)))].filter(
    (name) => new Set(facts.map((each) => each[name])).size > 1,
  )
  return facts.map((own, at) => {
    const told = differing.map((name) => `${name} ${own[name] ?? 'not known'}`)
    const { bench } = itemAt(found, at, 'benchmark')
    return `Benchmark ${at + 1} of ${found.length}, ${benchmarkTitle(bench)}${told.length === 0 ? '' : `: ${told.join('; ')}`}`
  })
}

function factsOf({ bench, versions }: Collected): Readonly<Record<string, string>> {
  const { settings, tuning, dataset, protocol } = bench
  const trials = tuning?.reduce((sum, each) => sum + each.trials.length, 0)
  return {
    ...Object.fromEntries(Object.entries(versions).map(([name, version]) => [`version of ${name}`, version])),
    tuning: trials === undefined ? 'none' : `by ${trials} trials`,
    data: dataset.name,
    protocol: protocol?.sha256.slice(0, 12) ?? 'none',
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, shown(value)])),
  }
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none')
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text
}
