import { z } from 'zod'
import { loadRun } from '../train/folders/index-files.ts'
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
  run: async (asked, call) => {
    const folder = asked.run
    await checkPlaces(
      [{ flag: 'RUN', path: folder, is: 'run' }],
      [
        { flag: '--tensorboard', path: asked.tensorboard, kind: 'folder' },
        { flag: '--store', path: asked.store, kind: 'folder', mine: ownRuns },
      ],
    )
    const { loaded, engine, config } = await loadRun(folder, (plan) =>
      engineFor({ device: plan.device, threads: asked.threads ?? plan.threads }),
    )
    checkReplicaPlace(loaded.plan.replicas !== undefined, asked, 'this run has none; leave it out.')
    const began = config.plan.threads
    if (asked.threads !== undefined && began !== undefined && asked.threads !== began) {
      call.screen.warn(
        `warning: the run began on ${began === 1 ? 'one thread' : `${began} threads`}, so on ${asked.threads} its last bits may differ from those of a run that was not stopped.`,
      )
    }
    noteData(loaded, call.screen)
    const run = { engine, folder, verb: config.verb }
    return loaded.plan.distil ? followStudent(call, asked, loaded, run) : followRun(call, asked, loaded, run)
  },
})
