import { samples, subset } from '../../data/dataset.ts'
import { takeRows } from '../../data/rows.ts'
import { randomStream } from '../../tensor/random.ts'
import { adam, schedule } from '../../train/step/index.ts'
import {
  openPastReader,
  pastOf,
  type TaskTraining,
  timeSteps,
  trainedModel,
  trainTask,
  updateTasks,
} from '../recipes/index.ts'
import { shareOfRows } from './rehearse.ts'
import type { TextContext } from './text-context.ts'
import { textUpdateDefaults } from './text-defaults.ts'
import { knowing, rehearses, type ToRehearse, textMethod, textMethodName } from './text-method.ts'
import type { Rehearsed, TextParts } from './text-parts.ts'
import { planRung, type RungPlan } from './text-plan.ts'
import type { TextRung } from './text-rungs.ts'
import type { TextRungName, TextTrialSettings, TextUpdateOptions } from './text-update-types.ts'
import { scaledWay, straightWay, updatesWay, type Way } from './text-way.ts'

/** Of the steps, the share over which the rate rises. */
const WARM_UP = 0.05

/** Bound of the gradient's norm, as language models are trained. */
const CLIP = 1

/** A trial that is ready to be trained. */
export interface TextTrial {
  readonly settings: TextTrialSettings
  /** What trains, in words: 'replay+distil by LoRA'. */
  readonly method: string
  /** Seconds that one step takes, from a few that leave no trace. */
  secondsPerStep(): Promise<number>
  /** @param onStep After each call of the runtime. */
  train(onStep: (done: { step: number; of: number; loss: number }) => void): Promise<Way>
  dispose(): Promise<void>
}

/** Steps that are timed; one goes before them. */
const TIMED = 2

/** Opens a rung: what trains, for how long, and what the method remembers of the given model. */
export async function openTextTrial(
  { options, parts, answers }: Pick<TextContext, 'options' | 'parts' | 'answers'>,
  rung: TextRung,
): Promise<TextTrial> {
  const { engine, model, seed = 0, recompute, signal, methodOptions } = options
  const updates = rung.name === 'low-rank' ? options.updates : undefined
  const learningRate = options.learningRate ?? rung.learningRate
  const name = methodOfRung(options, parts, rung.name)
  const plan = planOf(options, parts, { rung, name })
  const { batchSize, steps: iterations, share } = plan
  const rehearsed = share > 0 && parts.rehearsed ? toRehearse(parts.rehearsed, plan, seed) : undefined
  const method = textMethod(name, methodOptions ?? {}, rehearsed)
  const { model: trains, lora } = trainedModel({ lora: rung.lora, select: rung.select, seed }, model)
  const outputs = parts.train.classes.length
  const lesson = { train: parts.train, exemplars: rehearsed?.rows }
  const tasks = updateTasks(lesson, { oldClasses: outputs, classes: outputs, batchSize })
  const plain = openPastReader(engine, trains, outputs)
  const reader = rehearsed && answers ? knowing(plain, rehearsed, answers) : plain
  const state = await pastOf(method, { engine, model: trains, task: tasks.past, reader, seed })
  const training: TaskTraining = {
    ...{
      engine,
      model: trains,
      method,
      state,
      task: tasks.now,
      reader,
      iterations,
      learningRate,
      seed,
      signal,
    },
    settings: { optimiser: adam(), clipNorm: CLIP, recompute },
    schedule: schedule({ kind: 'cosine', warmup: Math.round(iterations * WARM_UP) }),
  }
  return {
    settings: {
      rung: rung.place,
      ...{ epochs: plan.epochs, steps: iterations, batchSize, learningRate, replayShare: share },
      ...{ rank: (lora ?? updates?.lora)?.rank, methodOptions },
    },
    method: rung.name === 'low-rank' ? `${name} by LoRA` : name,
    secondsPerStep: () => timeSteps({ ...training, iterations: TIMED }),
    train: async (onProgress) => {
      const { parameters, buffers } = await trainTask({ ...training, onProgress })
      const trained = new Map([...parameters, ...buffers])
      if (lora) return scaledWay(engine, model, { lora, parameters })
      return updates ? updatesWay(engine, model, trained, updates) : straightWay(engine, model, trained)
    },
    dispose: () => reader.dispose(),
  }
}

/** Steps that a rung takes over the new rows. */
export const plannedSteps = (options: TextUpdateOptions, parts: TextParts, rung: TextRung): number =>
  planOf(options, parts, { rung, name: methodOfRung(options, parts, rung.name) }).steps

/** What the method of a rung is called: as asked, or what the texts allow; see {@link textMethodName}. */
export const methodOfRung = (options: TextUpdateOptions, parts: TextParts, rung: TextRungName): string =>
  textMethodName(options.method, {
    exemplars: exemplarsOf(options, parts) !== undefined,
    byHeart: parts.byHeart !== undefined,
    lowRank: rung === 'low-rank',
  })

/** Old texts to rehearse, where some of what is trained on is to be old. */
export const exemplarsOf = (
  { replayShare }: Pick<TextUpdateOptions, 'replayShare'>,
  { rehearsed }: Pick<TextParts, 'rehearsed'>,
): Rehearsed | undefined => (replayShare === 0 ? undefined : rehearsed)

interface Plan extends RungPlan {
  /** Share of the tokens that are old. */
  readonly share: number
}

function planOf(
  options: TextUpdateOptions,
  { train, rehearsed }: TextParts,
  { rung, name }: { readonly rung: TextRung; readonly name: string },
): Plan {
  const { replayShare = textUpdateDefaults.replayShare } = options
  const share = rehearsed && rehearses(name) ? replayShare : 0
  const old = rehearsed && share > 0 ? shareOfRows(share, train, rehearsed.rows) : 0
  return { ...planRung(options, rung, { fresh: samples(train), old }), share }
}

/** The old rows that will be drawn, if not all: answers are asked for no others. Those of a shorter rung are among those of a longer one. */
function toRehearse({ rows, answers }: Rehearsed, { share, room, oldRows }: Plan, seed: number): ToRehearse {
  const all = samples(rows)
  if (oldRows >= all) return { rows, answers, places: undefined, share, room }
  const chosen = randomStream(seed, 'update/rehearsed').choose(all, oldRows).sort()
  return {
    rows: subset({ ...rows, documents: undefined }, chosen),
    answers: answers && {
      ids: takeRows(answers.ids, chosen),
      logProbabilities: takeRows(answers.logProbabilities, chosen),
    },
    ...{ places: chosen, share, room },
  }
}
