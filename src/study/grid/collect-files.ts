import { join } from 'node:path'
import { DataError, UsageError } from '../../errors.ts'
import { type BenchResult, type MissingRun, type RunResult, summarise } from '../../measure/results.ts'
import { listFolder, readUtf8 } from '../../tensor/reads-files.ts'
import { isFolder } from '../../train/folders/index-files.ts'
import { collectStore } from './collect-grid-files.ts'
import { isGridFile } from './grid-files.ts'

const fault = {
  kind: UsageError,
  code: 'results-missing',
  way: 'Give the folder of a finished run, or a file with what bench --json printed.',
} as const

/**
 * Results from run folders, folders of runs, and files that `bench --json` printed; those of one benchmark on one data set
 * become one. Of runs that are there or missing twice (method, scenario, seed) the last one counts. A store's lists of
 * runs say which of its runs belong together.
 *
 * @throws UsageError `results-missing` when a path holds none; DataError `results-unreadable` for a file of another kind.
 */
export async function collectResults(paths: readonly string[]): Promise<BenchResult[]> {
  const found: BenchResult[] = []
  for (const path of paths) {
    const here = (await isFolder(path)) ? await resultsInFolder(path) : [await readBench(path)]
    if (here.length === 0) {
      throw new UsageError(
        'results-missing',
        `${path} holds no results. Give the folder of a finished run, or a file with what bench --json printed; an unfinished run goes on with: holdfast resume ${path}`,
      )
    }
    found.push(...here)
  }
  const groups = new Map<string, BenchResult[]>()
  for (const bench of found) {
    const key = JSON.stringify([bench.benchmark, bench.dataset, bench.tasks.length])
    groups.set(key, [...(groups.get(key) ?? []), bench])
  }
  return [...groups.values()].map(merge)
}

async function resultsInFolder(folder: string): Promise<BenchResult[]> {
  const names = await listFolder(folder, fault)
  if (names.some(isGridFile)) {
    const found = await collectStore(folder)
    return found.flatMap(({ bench }) => (bench.results.length > 0 ? [bench] : []))
  }
  if (names.includes('bench.json')) return [await readBench(join(folder, 'bench.json'))]
  const found: BenchResult[] = []
  for (const name of names.sort()) {
    const inner = join(folder, name)
    if ((await isFolder(inner)) && (await listFolder(inner, fault)).includes('bench.json')) {
      found.push(await readBench(join(inner, 'bench.json')))
    }
  }
  return found
}

async function readBench(file: string): Promise<BenchResult> {
  const text = await readUtf8(file, fault)
  try {
    const bench = JSON.parse(text) as Partial<BenchResult>
    if (bench.schema === 1 && Array.isArray(bench.results) && Array.isArray(bench.tasks))
      return bench as BenchResult
  } catch (cause) {
    throw new DataError('results-unreadable', `${file} is not JSON: ${(cause as Error).message}`, { cause })
  }
  throw new DataError(
    'results-unreadable',
    `${file}: expected what holdfast bench --json prints (schema 1, with results and tasks), found other JSON.`,
  )
}

const keyOf = ({ method, scenario, seed }: Pick<MissingRun, 'method' | 'scenario' | 'seed'>): string =>
  JSON.stringify([method, scenario, seed])

function merge(benches: readonly BenchResult[]): BenchResult {
  const [first] = benches
  if (!first) throw new UsageError('results-missing', 'There are no results.')
  const byRun = new Map<string, RunResult>()
  for (const run of benches.flatMap(({ results }) => results)) {
    byRun.set(keyOf(run), run)
  }
  const missing = new Map<string, MissingRun>()
  for (const run of benches.flatMap((bench) => bench.missing ?? [])) {
    if (!byRun.has(keyOf(run))) missing.set(keyOf(run), run)
  }
  const results = [...byRun.values()]
  const agreed = (pick: (bench: BenchResult) => unknown) =>
    benches.every((bench) => JSON.stringify(pick(bench)) === JSON.stringify(pick(first)))
  const settings = Object.fromEntries(
    Object.entries(first.settings).filter(([key]) => agreed((bench) => bench.settings[key])),
  )
  const methods = Object.assign({}, ...benches.map((bench) => bench.settings.methods ?? {}))
  return {
    ...first,
    missing: missing.size > 0 ? [...missing.values()] : undefined,
    tasks: agreed((bench) => bench.tasks) ? first.tasks : first.tasks.map((_, index) => `task ${index + 1}`),
    settings: { ...settings, ...(Object.keys(methods).length > 0 ? { methods } : {}) },
    results,
    summary: summarise(results),
  }
}
