import type { Collected } from '../study/grid/index-files.ts'

/** The digits of a version of the code that are shown, and the most of any value. */
const MOST_SHOWN = 60

/** Of several benchmarks: which of them this is, and in what it is not as the others. */
export function differences(found: readonly Collected[], at: number): string[] {
  const facts = found.map(factsOf)
  const own = facts[at]
  if (!own || found.length < 2) return []
  const names = [...new Set(facts.flatMap((each) => Object.keys(each)))]
  const told = names
    .filter((name) => facts.some((each) => each[name] !== own[name]))
    .map((name) => `${name} ${own[name] ?? 'not known'}`)
  return [`Benchmark ${at + 1} of ${found.length}${told.length === 0 ? '' : `: ${told.join('; ')}`}`]
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
