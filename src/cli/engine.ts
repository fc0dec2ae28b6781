import { physicalCores } from '../engine/cores-node.ts'
import type { Engine } from '../engine/engine.ts'
import { ortNode } from '../engine/ort-node.ts'
import { openWorkers, type Workers } from '../study/workers/index-files.ts'
import type { CommonSettings } from './verb.ts'

type EngineSettings = Pick<CommonSettings, 'threads' | 'device'>

/** What computes, as asked for. */
export const engineFor = ({ threads, device }: EngineSettings): Engine => ortNode({ threads, device })

/** How runs share the machine: so many at a time, each on so many threads. */
export interface Shares {
  readonly jobs: number
  readonly threads: number
}

/**
 * The machine's cores divided between runs.
 *
 * @param asked `jobs`: runs at a time, default one a core; `threads`: of each, default its share of the cores
 * @example sharesOf({ jobs: 2 }, 10) // on 8 cores { jobs: 2, threads: 4 }
 */
export function sharesOf(
  asked: { readonly jobs?: number | undefined; readonly threads?: number | undefined },
  runs: number,
): Shares {
  const cores = physicalCores()
  const jobs = Math.max(1, Math.min(asked.jobs ?? cores, runs))
  return { jobs, threads: asked.threads ?? Math.max(1, Math.floor(cores / jobs)) }
}

/**
 * Threads for runs side by side: each loads the program again and serves (see main.ts). Processes where a device computes, which two
 * threads of one process cannot share: WebGPU's provider ends the process.
 */
export const workersFor = (settings: EngineSettings): Workers =>
  openWorkers(programFile(), settings, (settings.device ?? 'cpu') === 'cpu' ? 'thread' : 'process')

/** The same as processes, for who has to stay awake whatever a run does. */
export const processesFor = (settings: EngineSettings): Workers =>
  openWorkers(programFile(), settings, 'process')

/** The program's own file, as a URL: beside this one when compiled or bundled in pieces (scripts/bundle.mjs), this one when bundled as one. */
export function programFile(): string {
  const here = import.meta.url
  if (here.endsWith('/engine.js')) return new URL('./main.js', here).href
  return /\/chunk-\w+\.js$/.test(here) ? new URL('./holdfast.js', here).href : here
}
