import { physicalCores } from '../engine/cores-node.ts'
import type { Engine } from '../engine/engine.ts'
import { ortNode } from '../engine/ort-node.ts'
import { openWorkers, type Workers } from '../study/workers/index-files.ts'
import type { CommonSettings } from './verb.ts'

type EngineSettings = Pick<CommonSettings, 'threads' | 'device'>

/** What computes, as asked for. */
export function engineFor({ threads, device }: EngineSettings): Engine {
  const engine = ortNode({ threads, device })
  if ((device ?? 'cpu') === 'cpu') return engine
  const { load, loadProgram } = engine
  const opens = asking(device)
  return {
    ...engine,
    load: async (model, options) => {
      await opens()
      return load(model, options)
    },
    ...(loadProgram && {
      loadProgram: async (request) => {
        await opens()
        return loadProgram(request)
      },
    }),
  }
}

/**
 * Asks once whether a device opens, without what its driver prints where it does not.
 *
 * @throws EnvironmentError `device-unavailable`, from what is returned.
 */
function asking(device: EngineSettings['device'] = 'cpu'): () => Promise<void> {
  const ask = async () => {
    if (device === 'cpu') return
    const { refuseClosed } = await import('./doctor/index-files.ts')
    await refuseClosed(device, programFile())
  }
  let asked: Promise<void> | undefined
  return () => {
    asked ??= ask()
    return asked
  }
}

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
  workersOf(settings, (settings.device ?? 'cpu') === 'cpu' ? 'thread' : 'process')

/** The same as processes, for who has to stay awake whatever a run does. */
export const processesFor = (settings: EngineSettings): Workers => workersOf(settings, 'process')

function workersOf(settings: EngineSettings, kind: Parameters<typeof openWorkers>[2]): Workers {
  const workers = openWorkers(programFile(), settings, kind)
  const opens = asking(settings.device)
  return {
    ...workers,
    run: (store) => {
      const run = workers.run(store)
      return async function* (...given) {
        await opens()
        return yield* run(...given)
      }
    },
    work: async function* (job, signal) {
      await opens()
      return yield* workers.work(job, signal)
    },
  }
}

/** The program's own file, as a URL: beside this one when compiled or bundled in pieces (scripts/bundle.mjs), this one when bundled as one. */
export function programFile(): string {
  const here = import.meta.url
  if (here.endsWith('/engine.js')) return new URL('./main.js', here).href
  return /\/chunk-\w+\.js$/.test(here) ? new URL('./holdfast.js', here).href : here
}
