import { openJudge } from '../evaluate/judge.ts'
import type { Model } from '../model/model.ts'
import { itemAt, present } from '../required.ts'
import { openCandidates, type Tried } from './candidates.ts'
import type { Context } from './context.ts'
import type { ExpansionGain, PlainHead } from './expansion-types.ts'
import type { Ground } from './ground.ts'
import { sequenceOf, settle, walkPath } from './path/index.ts'
import { activatedAt, openActivated, proverOf } from './prover.ts'
import { closedForms, closedFormTrial, partOf, summedRows } from './recipes/index.ts'
import { proof } from './take.ts'

/** What random features gain and cost; null where none were asked for. Nothing that is shipped or claimed depends on it. */
export async function expansionGain(
  context: Context,
  tried: readonly Tried[],
): Promise<ExpansionGain | null> {
  const { options, parts } = context
  const { plain, widened } = options
  if (!plain) return null
  const worked = tried.filter(({ ground }) => ground.rung.name === 'closed-form')
  const closedForm =
    worked.length > 0 && parts.proof
      ? {
          with: await shipped(context, worked),
          without: await withPlain(context, plain, worked, (trials) => shipped(context, trials)),
        }
      : null
  return { width: plain.width, numbers: numbersIn(widened) - numbersIn(plain.widened), closedForm }
}

const numbersIn = ({ parameters, graph }: Model): number =>
  [...parameters.values(), ...graph.initializers.values()].reduce((sum, { data }) => sum + data.length, 0)

/** New accuracy of the last of some trials' candidates that is proved, as if there were no others; the old model's where none is. */
async function shipped(context: Context, tried: readonly Tried[]): Promise<number> {
  // The plain head is no head of the file, whose rounding is left aside for both.
  const own = { ...context, options: { ...context.options, stored: undefined } }
  const trials = tried.map((each, trial) => ({
    ...each,
    guesses: each.guesses.map((guess) => ({ ...guess, trial })),
  }))
  const candidates = openCandidates(own, trials)
  try {
    const guesses = trials.flatMap((each) => each.guesses)
    const tested = await proof(own, candidates, sequenceOf(guesses, context.aim))
    const settled = settle(tested)
    return settled?.proven ? itemAt(tested, settled.at, 'candidate').guess.new : context.aim.before
  } finally {
    await candidates.dispose()
  }
}

/** The same heads worked out of the plain features, from the same rows. */
async function withPlain<T>(
  context: Context,
  { widened, sums }: PlainHead,
  worked: readonly Tried[],
  use: (tried: readonly Tried[]) => Promise<T>,
): Promise<T> {
  const { options, parts, oldClasses, shift, trunk } = context
  const { engine, seed = 0, signal } = options
  const { ground } = itemAt(worked, 0, 'trial')
  const { rung, task, exemplars } = ground
  const model = partOf(rung, widened)
  const classes = widened.classes.length
  const judge = openJudge(engine, model, classes)
  const given = parts.proof?.above
  const whole = openActivated(engine, widened, given, classes)
  const above = activatedAt({ engine, model: options.model, rung, own: judge }, given, whole)
  const inputs = parts.proof?.inputs && (await trunk.rowsAt(rung, parts.proof.inputs))
  const plain: Ground = { ...ground, widened: model, judge, prove: proverOf(judge, inputs, above) }
  const summed = await summedRows({ engine, model, oldClasses, train: task.train, exemplars, sums })
  const again = async (each: Tried, trial: number): Promise<Tried> => {
    const same = present(
      closedForms.find((name) => name === each.method),
      each.method,
    )
    // Of plain features all rows are not worked out.
    const kind = same === 'ridge-all' ? 'ridge' : same
    const trained = await closedFormTrial(summed, { kind, seed, signal })
    const guesses = await walkPath({
      ...{ engine, judge, oldClasses, shift, trial, start: trained.start, end: trained.end },
      ...{ order: ground.order, before: context.baseline.order, fresh: ground.choose },
    })
    return { ...each, index: trial, ground: plain, trained, guesses, looks: [] }
  }
  try {
    const tried: Tried[] = []
    for (const [trial, each] of worked.entries()) tried.push(await again(each, trial))
    return await use(tried)
  } finally {
    await judge.dispose()
    await whole?.judge.dispose()
  }
}
