import { preparePlan } from '../train/prepare.ts'
import { loadRun, runInFolder } from '../train/run-files.ts'
import { noteData } from './data-notes.ts'
import { runAnswer, runProgress } from './run-text.ts'
import { engineFor, type Verb } from './verb.ts'

/** `holdfast resume`: goes on with a run that was stopped or killed. */
export const resume: Verb = {
  name: 'resume',
  summary: 'Go on with a run exactly where it stopped',
  examples: ['holdfast resume runs/2026-11-23T22-41-05-split-mnist-ewc-class-1'],
  args: { run: { type: 'positional', description: 'the folder of a run', required: true } },
  run: async (call) => {
    const folder = call.text('run') ?? ''
    const { loaded, engine, config, changed } = await loadRun(folder, engineFor)
    if (changed !== undefined) {
      call.screen.warn(
        `warning: other versions than when the run began (${changed}), so its bits may differ from those of a run that was not stopped.`,
      )
    }
    noteData(loaded, call.screen)
    const prepared = preparePlan(loaded.plan, loaded.inputs)
    const { verb } = config
    const events = runInFolder(loaded, { engine, folder, verb, signal: call.signal, prepared })
    const show = runProgress(loaded.plan.method.name, call.screen)
    let next = await events.next()
    while (!next.done) {
      show(next.value)
      next = await events.next()
    }
    call.screen.draw([])
    const tasks = prepared.stream.tasks.map(({ name }) => name)
    return runAnswer(next.value, tasks, prepared.stream.dataset)
  },
}
