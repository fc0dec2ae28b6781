import { ratioBounds } from '../../measure/ratio-change.ts'
import { bitsPerByte, type TextLoss, totalLoss } from '../../measure/text-scores.ts'
import type { Verdict } from '../../measure/verdict.ts'
import { weightsOf } from '../../model/model.ts'
import { itemAt, present } from '../../required.ts'
import { changedDocuments } from '../gate/index.ts'
import type { Status } from '../path/index.ts'
import { type TakenText, type TestedText, type TriedText, takeText } from './take-text.ts'
import { judgeTextClaims, textStanding } from './text-claims.ts'
import type { TextContext } from './text-context.ts'
import { changesOf } from './text-looks.ts'
import { reachedBy } from './text-order.ts'
import type { TextClaim, TextGain, TextUpdateResult } from './text-update-types.ts'

/** The most documents that are named for having got worse. */
const WORST = 20

/** New bits saved that the budget may cost without a word, as a share. */
const WORTH_A_WORD = 0.05

/** The candidate that was taken, or the given model where there is nothing to gain; and what can be said of it. */
export async function concludeTexts(
  context: TextContext,
  tried: readonly TriedText[],
  stopped: TextUpdateResult['stopped'],
): Promise<TextUpdateResult> {
  const { parts, options, before, seconds } = context
  const began = performance.now()
  const { tested, taken } = await takeText(context, tried)
  const after = taken ? await context.losses.on(parts.check, taken.weights) : before.check
  const gained = gainOf(before.check, after)
  const old = oldOf(context, taken)
  return {
    status: statusOf(taken, old?.claims),
    learned: taken !== undefined && gained.change < 0,
    chosen: taken
      ? {
          ...{ trial: taken.trial.index, alpha: taken.guess.alpha },
          ...{ method: taken.trial.method, tested: tested.length, guess: taken.guess },
        }
      : null,
    chosenBy: parts.choose === parts.check ? 'check' : 'choose',
    old,
    new: gained,
    unshown: unshownOf(tested),
    heldBack: taken ? heldBackBy(tried, taken) : null,
    stopped,
    budget: options.budget,
    trials: tried.map(({ index, method, settings, looks, seconds: { train, search } }) => ({
      ...{ method, settings, looks },
      curve: tested
        .filter(({ guess }) => guess.trial === index)
        .map(({ guess, claims }) => ({ trial: index, alpha: guess.alpha, guess, claims })),
      seconds: train + search,
    })),
    parameters: taken?.weights ?? weightsOf(options.model),
    adapters: await taken?.trial.way.adaptersAt(taken.guess.alpha),
    documents: parts.counts,
    seconds: {
      train: tried.reduce((sum, each) => sum + each.seconds.train, 0),
      search: tried.reduce(
        (sum, each) => sum + each.seconds.search,
        seconds.all + (performance.now() - began) / 1000,
      ),
    },
  }
}

const words = { pass: 'met', fail: 'not-met', inconclusive: 'inconclusive' } as const satisfies Record<
  Verdict,
  Status
>

/** The gate's words for the same losses; what passes behind one that failed is not shown by it. */
function statusOf(taken: TakenText | undefined, claims: readonly TextClaim[] | undefined): Status {
  if (!taken) return 'nothing-to-gain'
  if (!claims) return 'inconclusive'
  if (taken.settled.proven) return 'met'
  return claims.some(({ verdict }) => verdict === 'fail') ? words.fail : words.inconclusive
}

/** What the new documents say, with a 95 % interval: two one-sided bounds of 97.5 %. */
function gainOf(before: readonly TextLoss[], after: readonly TextLoss[]): TextGain {
  const { ratio, lower, upper } = ratioBounds(changesOf(before, after), 0.975)
  return {
    before: bitsPerByte(totalLoss(before)),
    after: bitsPerByte(totalLoss(after)),
    ...{ change: ratio, lower, upper, documents: before.length },
  }
}

/** What was lost on the documents that prove; the given model, where it stays, loses nothing against itself. */
function oldOf(context: TextContext, taken: TakenText | undefined): TextUpdateResult['old'] {
  const { claims, parts, options } = context
  const { proof } = parts
  if (!claims || !proof) return null
  const after = taken?.tested?.losses ?? claims.before
  const found = taken?.tested?.claims ?? judgeTextClaims(claims, after)
  const names = present(proof.documents, 'documents of the rows').names
  const { before: bits, after: bitsAfter, documents } = itemAt(found, 0, 'claim')
  return {
    claims: found,
    ...{ before: bits, after: bitsAfter, documents },
    worst: changedDocuments(
      claims.before.map((loss, at) => ({
        id: itemAt(names, at, 'document'),
        before: loss,
        after: itemAt(after, at, 'document'),
      })),
    )
      .filter(({ addedBits }) => addedBits > 0)
      .slice(0, WORST),
    first: options.data.first?.name ?? null,
    uses: claims.uses,
  }
}

/** The first candidate that was not shown to be inside the budget, where it was seen there. */
function unshownOf(tested: readonly TestedText[]): TextUpdateResult['unshown'] {
  const failed = tested.find(({ claims }) => !textStanding(claims).passes)
  if (!failed || !textStanding(failed.claims).inside) return null
  const needed = failed.claims.flatMap(({ verdict, neededDocuments }) =>
    verdict === 'pass' ? [] : [neededDocuments],
  )
  return {
    gain: failed.guess.gain,
    neededDocuments: needed.some((count) => count === null) ? null : Math.max(...(needed as number[])),
  }
}

/** What training reached at the ends of the ways, where the budget holds much of it back. */
function heldBackBy(tried: readonly TriedText[], { guess }: TakenText): TextUpdateResult['heldBack'] {
  const [most] = tried
    .map(({ index, looks }) => ({ trial: index, reached: reachedBy(looks), chosen: guess.gain }))
    .sort((a, b) => b.reached - a.reached)
  return most && most.reached - most.chosen > WORTH_A_WORD ? most : null
}
