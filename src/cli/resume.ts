import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { loadRun } from '../train/folders/index-files.ts'
import type { RunPlan } from '../train/plan/index.ts'
import { noteData } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { group, path } from './flags/index.ts'
import { followRun } from './follow-run.ts'
import { followStudent } from './follow-student.ts'
import { checkPlaces } from './places.ts'
import { queueAndStoreFlags } from './queue-client.ts'
import { checkReplicaPlace, replicaFlags } from './replica-flags.ts'
import { ownRuns } from './run-folders.ts'
import { trackingFlags } from './tracking.ts'
import { defineVerb } from './verb.ts'

const settings = z.object({
  run: path('RUN').meta({ argument: true, description: 'The folder of a run' }),
  ...group('Replicas', { roundWait: replicaFlags.roundWait }),
  ...queueAndStoreFlags,
  ...trackingFlags,
})

/** `holdfast resume`: goes on with a run that was stopped or killed. */
export const resume = defineVerb({
  name: 'resume',
  examples: ['holdfast resume runs/2026-11-23T22-41-05-split-mnist-ewc-class-1'],
  settings,
  run: async (asked, call, outputs) => {
    const folder = asked.run
    await checkPlaces(
      [{ flag: 'RUN', path: folder, is: 'run' }],
      [
        { flag: '--tensorboard', path: asked.tensorboard, kind: 'folder' },
        { flag: '--store', path: asked.store, kind: 'folder', mine: ownRuns },
      ],
      outputs,
    )
    const { loaded, engine, config } = await loadRun(folder, (plan) =>
      engineFor({ device: asked.device ?? plan.device, threads: asked.threads ?? plan.threads }),
    )
    checkReplicaPlace(loaded.plan.replicas !== undefined, asked, 'this run has none; leave it out.')
    checkSeed(asked.seed, config.plan.seed)
    for (const line of elsewhere(asked, config.plan)) call.screen.warn(line)
    noteData(loaded, call.screen)
    const run = { engine, folder, verb: config.verb }
    return loaded.plan.distil ? followStudent(call, asked, loaded, run) : followRun(call, asked, loaded, run)
  },
})

function checkSeed(asked: number | undefined, began: number): void {
  if (asked === undefined || asked === began) return
  throw new UsageError(
    'resume-seed',
    `The run began with seed ${began} and goes on with it, but --seed says ${asked}. Leave --seed out, or begin another run (holdfast learn).`,
  )
}

/** What is said where a run goes on otherwise than it began. */
function elsewhere(
  asked: { readonly threads?: number | undefined; readonly device?: string | undefined },
  began: RunPlan,
): string[] {
  const [device, { threads }] = [began.device ?? 'cpu', began]
  const told = (before: string, now: string | number): string =>
    `warning: the run began on ${before}, so on ${now} its last bits may differ from those of a run that was not stopped.`
  const lines: string[] = []
  if (asked.device !== undefined && asked.device !== device) lines.push(told(device, asked.device))
  if (asked.threads !== undefined && threads !== undefined && asked.threads !== threads)
    lines.push(told(threads === 1 ? 'one thread' : `${threads} threads`, asked.threads))
  return lines
}
