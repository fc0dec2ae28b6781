import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { openJudge } from '../evaluate/judge.ts'
import type { OpenReader } from '../evaluate/reader.ts'
import { checkedConfidence } from '../measure/confidence.ts'
import { checkBudget } from '../measure/paired.ts'
import type { MethodState, TaskContext } from '../methods/method.ts'
import { holdsWeights, methodParts } from '../methods/registry.ts'
import { findHead, widerDiagonal } from '../model/heads/index.ts'
import { itemAt } from '../required.ts'
import { type Baseline, baselineOf, knownOf } from './baseline.ts'
import { addsClasses, outputsOf } from './classes.ts'
import type { Context } from './context.ts'
import { updateDefaults } from './defaults.ts'
import { type Parts, splitHeldOut } from './parts.ts'
import { claimsFor } from './path/index.ts'
import {
  chooseMethod,
  openPastReader,
  pastOf,
  protections,
  trainedModel,
  trialMethod,
  updateTasks,
} from './recipes/index.ts'
import { placeOf, settingsOf } from './trial-options.ts'
import type { UpdateOptions } from './update-types.ts'

/** The method that trains, by its name, checked against the data. */
export function methodOf(options: UpdateOptions): string {
  const { method: asked, data, lora } = options
  const { name } = chooseMethod(asked, {
    exemplars: data.exemplars !== undefined && samples(data.exemplars) > 0,
    unlabelled: data.unlabelled !== undefined,
    added: addsClasses(options),
  })
  const penalty = methodParts(name).find(holdsWeights)
  if (!penalty || !lora) return name
  throw new UsageError(
    'method-lora',
    `The method ${penalty.name} holds weights in place, but LoRA leaves them as they are and trains others. Take one of the two: LoRA with replay, or ${penalty.name} on the model's own weights.`,
  )
}

/** Answers with the old model everything that is asked of it once. To be closed with {@link closeContext}. */
export async function openContext(options: UpdateOptions): Promise<Context> {
  const { engine, model, widened, data, budget } = options
  checkBudget(budget.maxDrop)
  checkedConfidence(budget.confidence)
  const parts = splitHeldOut(data)
  const method = methodOf(options)
  const oldClasses = outputsOf(options)
  const settings = settingsOf(options)
  const classes = widened.classes.length
  const tasks = updateTasks(data, { oldClasses, classes, batchSize: settings.batchSize })
  const reader = openPastReader(engine, widened, classes)
  const before = openJudge(engine, model, oldClasses)
  try {
    const began = performance.now()
    const baseline = await baselineOf(before, parts)
    const rows = Object.values(baseline).reduce((sum, { length }) => sum + length, 0)
    const context = {
      options,
      judge: openJudge(engine, widened, widened.classes.length),
      parts,
      method,
      baseline,
      claims: claimsOn(options, parts, baseline),
      before: knownOf(parts, baseline, oldClasses),
      secondsPerRow: (performance.now() - began) / 1000 / rows,
      past: await rememberedPast(options, { method, task: tasks.past, reader }),
      task: tasks.now,
      reader,
      settings,
      oldClasses,
      shift: shiftable(options),
      // Without old rows nothing says whether one trial is better than another.
      protections: (options.protections ?? protections).slice(
        0,
        parts.oldCheck ? (options.trials ?? updateDefaults.trials) : 1,
      ),
    }
    return { ...context, preparation: (performance.now() - began) / 1000 }
  } finally {
    await before.dispose()
  }
}

function claimsOn(
  { budget, data }: UpdateOptions,
  { oldChoose, oldCheck }: Parts,
  { choose, check }: Baseline,
): Context['claims'] {
  const { traffic, first } = data
  const on = (rows: Dataset | undefined, before: Int32Array, release: Int32Array | undefined) =>
    rows && claimsFor({ budget, before, labels: classLabels(rows), traffic, first: release })
  return { choose: on(oldChoose, choose, first?.choose), check: on(oldCheck, check, first?.check) ?? [] }
}

/** Gives back what the trials shared. */
export async function closeContext({ judge, reader }: Context): Promise<void> {
  await judge.dispose()
  await reader.dispose()
}

/** What the method remembers of the old model, by the names that train: those of low-rank updates, where these do. */
async function rememberedPast(
  options: UpdateOptions,
  given: { readonly method: string; readonly task: TaskContext; readonly reader: OpenReader },
): Promise<MethodState> {
  const { engine, widened, lora, fisher, seed = 0 } = options
  const [first = itemAt(protections, 0, 'protection')] = options.protections ?? protections
  const place = placeOf(options, given.task, 0, first)
  const { method } = trialMethod(given.method, options.methodOptions ?? {}, place)
  const model = lora ? trainedModel({ lora, select: { kind: 'all' }, seed }, widened).model : widened
  return pastOf(method, {
    ...{ engine, model, task: given.task, reader: given.reader, seed },
    fisher: fisher && widerDiagonal(widened, fisher),
  })
}

/** Whether the new classes' logits can be shifted: by the head's bias, and only where there are some. */
const shiftable = (options: UpdateOptions): boolean =>
  addsClasses(options) && findHead(options.widened)?.bias !== undefined
