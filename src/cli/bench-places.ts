import { existsSync } from 'node:fs'
import type { RunPlan } from '../train/plan/index.ts'
import type { Outputs } from './outputs.ts'
import { checkPlaces } from './places.ts'
import { planReads } from './plan-reads.ts'
import { ownRuns } from './run-folders.ts'

interface Asked {
  readonly data?: string | undefined
  readonly model?: string | undefined
  readonly store?: string | undefined
  readonly report?: string | undefined
}

interface Places {
  /** The file of the protocol. */
  readonly protocol: string
  /** Where runs are kept; undefined: nowhere. */
  readonly store: string | undefined
  /** Where the result goes; undefined: nowhere. */
  readonly out: string | undefined
}

/**
 * Checks what a benchmark reads and writes, before anything is computed: nothing is written over the protocol, over what it names, or
 * over runs that are kept.
 *
 * @param plan of any of the runs
 * @throws what {@link checkPlaces} throws.
 */
export async function checkBenchPlaces(
  asked: Asked,
  plan: RunPlan,
  { protocol, store, out }: Places,
  outputs: Outputs,
): Promise<void> {
  const kept = asked.store === undefined ? '--out' : '--store'
  await checkPlaces(
    [{ flag: 'the protocol', path: protocol, is: 'config' }, ...planReads(plan, asked)],
    [
      { flag: kept, path: store, kind: 'folder', mine: ownRuns },
      { flag: '--out', path: out === store ? undefined : out, kind: 'folder', mine: ownRuns },
      { flag: '--report', path: asked.report },
    ],
    outputs,
  )
  const folders = [
    { flag: kept, path: store },
    { flag: '--out', path: out },
  ].filter(({ path }) => path !== undefined && existsSync(path))
  await checkPlaces(
    folders.map((each) => ({ ...each, is: 'store' as const })),
    [{ flag: '--report', path: asked.report }],
    outputs,
  )
}
