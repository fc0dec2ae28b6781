import { join } from 'node:path'
import { UsageError } from '../../errors.ts'
import {
  type BenchResult,
  type MachineFacts,
  type MissingRun,
  type RunResult,
  summarise,
} from '../../measure/results.ts'
import { listFolder } from '../../tensor/reads-files.ts'
import { readStoredRun } from '../../train/folders/index-files.ts'
import { failedWords, withIntransigence } from './benchmark.ts'
import { type Grid, type GridRun, isGridFile, readGrids } from './grid-files.ts'

/** A benchmark as far as its runs are finished, and what is not. */
export interface Collected {
  readonly bench: BenchResult
  readonly failures: readonly (GridRun & {
    readonly error: { readonly code: string; readonly message: string }
  })[]
  /** Begun, or not even that; `checkpoint` names the last one. */
  readonly unfinished: readonly (GridRun & {
    readonly begun: boolean
    readonly checkpoint: string | undefined
  })[]
  /** Of what was to compute the runs; of lists by older versions not known. */
  readonly versions: Readonly<Record<string, string>>
  /** Processors that the runs were measured on, where there are several: between kinds of them last bits may differ. */
  readonly processors: readonly string[]
}

/**
 * The benchmarks of a store, each from its list of runs and their folders, in the order in which one process would have given them.
 *
 * @throws UsageError `results-missing` where the folder holds no list; CheckpointError where something in it is damaged.
 */
export async function collectStore(store: string): Promise<Collected[]> {
  const fault = {
    kind: UsageError,
    code: 'results-missing',
    way: 'Give the folder that bench was told with --store or --out.',
  }
  const names = await listFolder(store, fault)
  if (!names.some(isGridFile)) {
    throw new UsageError(
      'results-missing',
      `${store} holds no list of runs (grid-….json), as holdfast bench writes it. ${fault.way}`,
    )
  }
  const grids = await readGrids(store, names)
  return Promise.all(grids.map((grid) => collectGrid(store, grid)))
}

async function collectGrid(store: string, grid: Grid): Promise<Collected> {
  const results: RunResult[] = []
  const machines: MachineFacts[] = []
  const failures: Collected['failures'][number][] = []
  const unfinished: Collected['unfinished'][number][] = []
  for (const run of grid.runs) {
    const found = await readStoredRun(join(store, run.name), run.identity)
    if (found.state === 'finished') {
      results.push(found.result)
      machines.push(found.bench.machine)
    } else if (found.state === 'failed') failures.push({ ...run, error: found.error })
    else {
      const checkpoint = found.state === 'unfinished' ? found.checkpoint : undefined
      unfinished.push({ ...run, begun: found.state === 'unfinished', checkpoint })
    }
  }
  const whole = withIntransigence(results)
  const [machine = nowhere] = machines
  const processors = [...new Set(machines.map(({ cpu }) => cpu))]
  const missing = [
    ...failures.map((run) => missingRun(run, failedWords(run.error))),
    ...unfinished.map((run) => missingRun(run, run.begun ? placeOf(run.checkpoint) : 'not begun')),
  ]
  return {
    bench: {
      ...{ ...grid.bench, machine, results: whole, summary: summarise(whole) },
      ...(missing.length > 0 && { missing }),
    },
    failures,
    unfinished,
    versions: grid.versions ?? {},
    processors,
  }
}

const missingRun = ({ method, scenario, seed }: GridRun, why: string): MissingRun => ({
  ...{ method, scenario, seed, why },
})

const placeOf = (checkpoint: string | undefined): string =>
  checkpoint === undefined
    ? 'begun, no checkpoint yet'
    : `begun, stands at ${checkpoint.replace('.safetensors', '')}`

/** Where nothing was measured yet. */
const nowhere: MachineFacts = {
  cpu: 'none',
  cores: 0,
  threads: 0,
  platform: 'none',
  runtime: 'none',
  device: 'none',
}
