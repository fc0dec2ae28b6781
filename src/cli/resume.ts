import { loadRun } from '../train/folders/index-files.ts'
import { noteData } from './data-notes.ts'
import { followRun } from './follow-run.ts'
import { trackingFlags } from './tracking.ts'
import { engineFor, type Verb } from './verb.ts'

/** `holdfast resume`: goes on with a run that was stopped or killed. */
export const resume: Verb = {
  name: 'resume',
  summary: 'Go on with a run exactly where it stopped',
  examples: ['holdfast resume runs/2026-11-23T22-41-05-split-mnist-ewc-class-1'],
  args: {
    run: { type: 'positional', description: 'the folder of a run', required: true },
    ...trackingFlags,
  },
  run: async (call) => {
    const folder = call.text('run') ?? ''
    const { loaded, engine, config, changed } = await loadRun(folder, engineFor)
    if (changed !== undefined) {
      call.screen.warn(
        `warning: other versions than when the run began (${changed}), so its bits may differ from those of a run that was not stopped.`,
      )
    }
    noteData(loaded, call.screen)
    return followRun(call, loaded, { engine, folder, verb: config.verb })
  },
}
