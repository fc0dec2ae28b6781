import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Engine } from '../../engine/engine.ts'
import { HoldfastError } from '../../errors.ts'
import type { PreparedPlan, RunPlan } from '../plan/index.ts'
import type { LoadedPlan } from '../plan/index-files.ts'
import { type RunConfig, runIdentity } from './run-config-files.ts'
import type { RunEnd, RunEvent } from './run-events.ts'
import { runInFolder } from './run-files.ts'
import { openRunFolder } from './run-folder-files.ts'
import { FAILURE, readStoredRun } from './stored-run-files.ts'
import { runVersions } from './versions-files.ts'

/** A run as a store knows it. */
export interface RunName {
  /** The name of its folder in the store: words for people, and digits of the identity. */
  readonly name: string
  /** See {@link runIdentity}. */
  readonly identity: string
}

/** The name of a run in every store. */
export function runName(plan: RunPlan, dataSha256: string, engine: Engine): RunName {
  const identity = runIdentity({ plan, dataSha256, versions: runVersions(engine) })
  const words = [plan.name, plan.method.name, plan.stream.scenario, String(plan.seed)].join('-')
  const readable = words.replaceAll(/[^\w.+-]+/g, '-').slice(0, MOST_LETTERS)
  return { name: `${readable}-${identity.slice(0, DIGITS)}`, identity }
}

const MOST_LETTERS = 120
const DIGITS = 16

export interface StoreRunOptions {
  readonly engine: Engine
  /** The folder of the run folders. */
  readonly store: string
  /** The command that asks. */
  readonly verb: string
  readonly signal?: AbortSignal | undefined
  readonly prepare: () => PreparedPlan
}

/**
 * A run in its folder of a store: taken as it is where it is finished there, gone on with where it was begun, begun where it is new.
 * While another process does the same run this one waits for it, and takes over if that ends before the run does. What makes a run
 * fail is noted in its folder; asked for again, it is tried again.
 *
 * @throws what {@link runInFolder} throws; CheckpointError where the folder is damaged or was changed by hand.
 */
export async function* runInStore(
  loaded: Pick<LoadedPlan, 'plan' | 'inputs' | 'dataSha256' | 'modelFile' | 'beside'>,
  { engine, store, verb, signal, prepare }: StoreRunOptions,
): AsyncGenerator<RunEvent, RunEnd> {
  const { name, identity } = runName(loaded.plan, loaded.dataSha256, engine)
  const folder = join(store, name)
  let begun = false
  let told = false
  let prepared: PreparedPlan | undefined
  for (;;) {
    const found = await readStoredRun(folder, identity)
    if (found.state === 'finished') return { status: 'finished', result: found.result, kept: !begun }
    if (signal?.aborted) return { status: 'interrupted' }
    try {
      prepared ??= prepare()
      const events = runInFolder(loaded, { engine, folder, verb, signal, prepared })
      let next = await events.next()
      while (!next.done) {
        begun = true
        yield next.value
        next = await events.next()
      }
      if (next.value.status === 'interrupted') return { status: 'interrupted' }
      await rm(join(folder, FAILURE), { force: true })
      return { status: 'finished', result: next.value.result, kept: false }
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      if (!ofOthers.has(error.code)) {
        await noteFailure(folder, error, {
          ...{ format: 'holdfast-run', version: 1, verb, versions: runVersions(engine) },
          ...{ plan: loaded.plan, dataSha256: loaded.dataSha256 },
        })
        throw error
      }
      if (!told) yield { type: 'elsewhere', message: error.message }
      told = true
      await setTimeout(SECONDS_BETWEEN_LOOKS * 1000, undefined, { signal }).catch(() => undefined)
    }
  }
}

const SECONDS_BETWEEN_LOOKS = 2

/** Another process has the folder, or has taken it over from this one, which was taken for gone. */
const ofOthers: ReadonlySet<string> = new Set(['run-in-use', 'run-lost'])

/** What cannot even be noted is told by whoever throws it. */
async function noteFailure(path: string, error: HoldfastError, config: RunConfig): Promise<void> {
  const { code, message } = error
  try {
    const folder = await openRunFolder(path, config)
    await folder.write(FAILURE, `${JSON.stringify({ code, message }, null, 2)}\n`).finally(folder.close)
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause
  }
}
