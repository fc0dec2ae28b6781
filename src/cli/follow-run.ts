import type { Engine } from '../engine/engine.ts'
import { refuseLookingAhead } from '../evaluate/index.ts'
import { itemAt } from '../required.ts'
import { followed } from '../study/followed.ts'
import { type KeptOutcome, runInFolder } from '../train/folders/index-files.ts'
import { type PreparedPlan, preparePlan } from '../train/plan/index.ts'
import type { LoadedPlan } from '../train/plan/index-files.ts'
import type { OpenTask } from '../train/run/index.ts'
import { learnMeasurements, track } from '../train/tracking/index.ts'
import { sayNotes } from './data-notes.ts'
import type { ReplicaPlace } from './replica-flags.ts'
import { withReplicas } from './replicas.ts'
import { runAnswer, runProgress } from './run-text.ts'
import { type TrackingSettings, tracked } from './tracking.ts'
import type { Answer, Call } from './verb.ts'

/** Where a plan is run, on what, and by which verb. */
export interface FollowedRun {
  readonly engine: Engine
  readonly folder: string
  readonly verb: Parameters<typeof runInFolder>[1]['verb']
  readonly openTask?: OpenTask | undefined
}

/** @throws ModelError `model-looks-ahead` for a plan that teaches next tokens to a model that reads them. */
export async function refuseEncoder(
  { plan, inputs: { model, data } }: LoadedPlan,
  engine: Engine,
): Promise<void> {
  if (plan.loss !== 'causal-lm' || !model) return
  await refuseLookingAhead(engine, model, itemAt(data, 0, 'task').train)
}

/** Runs a plan in its folder, or goes on with it there, and shows and tracks how it goes. */
export async function followRun(
  call: Call,
  asked: TrackingSettings & ReplicaPlace,
  loaded: LoadedPlan,
  run: FollowedRun,
): Promise<Answer> {
  const { outcome, prepared } = await withReplicas(call, loaded, { ...run, at: asked }, (openTask) =>
    outcomeOf(call, asked, loaded, { ...run, openTask }),
  )
  const tasks = prepared.stream.tasks.map(({ name }) => name)
  const answer = runAnswer(outcome, tasks, prepared.stream.dataset)
  return { ...answer, json: { ...(answer.json as object), notes: loaded.notes } }
}

/** The same, and what became of it. */
export async function outcomeOf(
  call: Call,
  asked: TrackingSettings,
  loaded: LoadedPlan,
  run: FollowedRun,
): Promise<{ readonly outcome: KeptOutcome; readonly prepared: PreparedPlan }> {
  const { plan, inputs } = loaded
  const prepared = preparePlan(plan, inputs)
  const onOtherVersions = (changed: string) =>
    call.screen.warn(
      `warning: other versions than when the run began (${changed}), so its bits may differ from those of a run that was not stopped.`,
    )
  const show = runProgress(plan.method.name, call.screen)
  const outcome = await tracked(
    call,
    asked,
    { verb: run.verb, name: `${plan.name} ${plan.method.name}`, settings: plan },
    async (tracker) => {
      const events = track(
        runInFolder(loaded, { ...run, signal: call.signal, prepared, onOtherVersions }),
        tracker,
        learnMeasurements(),
      )
      return followed(events, show)
    },
    ({ status }) => status,
  )
  call.screen.draw([])
  if (outcome.status === 'finished') sayNotes(outcome.notes, call.screen)
  return { outcome, prepared }
}
