import {
  documentKey,
  type TokenDocument,
  tokensIn,
  tokensThatCount,
  unseenDocuments,
} from '../../data/documents/index.ts'
import { UsageError } from '../../errors.ts'
import { type TextLoss, totalLoss } from '../../measure/text-scores.ts'
import { itemAt, required } from '../../required.ts'
import { float32 } from '../../tensor/tensor.ts'
import { inTurns } from './extend-texts.ts'
import type { TextAnswers, TextPack, TextPackBudget } from './text-pack.ts'

/**
 * One pack of two that were made of the same language model on different texts. Documents that both have are kept once; a held-out one that
 * the other pack rehearses is left out. Answers are kept where both packs have them, as many a token as in the smaller.
 *
 * @throws UsageError `pack-mismatch` saying what differs: model, tokenizer, the length of rows where documents are cut by it, overlap.
 * @example
 * const both = mergeTextPacks(await readTextPack('north.keep'), await readTextPack('south.keep'))
 */
export function mergeTextPacks(a: TextPack, b: TextPack): TextPack {
  refuseMismatch(a, b)
  const exemplars = inTurns([a.exemplars, unseenDocuments(b.exemplars, a.exemplars)])
  const heldOut = unseenDocuments([...a.heldOut, ...b.heldOut], exemplars)
  // The longer history knows of an earlier first release; what another release lost first is no baseline beside that.
  const base = a.history.length >= b.history.length ? a : b
  const known = heldOutFacts([a, b], firstRelease(base))
  const facts = heldOut.map((document) => required(known, documentKey(document), 'held-out document'))
  const losses = facts.map(({ loss }) => loss)
  const data = new Set(a.data.map(({ fingerprint }) => fingerprint))
  const latest = itemAt(base.history, base.history.length - 1, 'release')
  return {
    ...a,
    created: a.created > b.created ? a.created : b.created,
    rowLength: Math.max(a.rowLength, b.rowLength),
    exemplars,
    answers: mergedAnswers(exemplars, a, b),
    heldOut,
    losses,
    uses: facts.map(({ uses }) => uses),
    first: base.first && { name: base.first.name, losses: facts.map(({ first }) => first) },
    history: [
      ...base.history.slice(0, -1),
      { ...latest, documents: heldOut.length, loss: totalLoss(losses) },
    ],
    data: [...a.data, ...b.data.filter(({ fingerprint }) => !data.has(fingerprint))],
    budget: mergedBudget(a.budget, b.budget, exemplars),
  }
}

function refuseMismatch(a: TextPack, b: TextPack): void {
  const facts = (pack: TextPack, other: TextPack) => ({
    model: pack.model.sha256,
    tokenizer: pack.tokenizer,
    'overlap of rows': pack.overlap,
    // What fits into one row is measured alike in longer ones.
    'length of rows': isCut(pack) || isCut(other) ? pack.rowLength : 'any',
  })
  const [one, other] = [facts(a, b), facts(b, a)] as Record<string, unknown>[]
  for (const [what, left] of Object.entries(one ?? {})) {
    const right = other?.[what]
    if (left === right) continue
    const way =
      what === 'model'
        ? ' What is kept in a pack is one model’s: extend each pack with the same model first (--extend).'
        : ' Make one of the two anew, as the other was made.'
    throw new UsageError(
      'pack-mismatch',
      `The packs of ${a.model.name} and ${b.model.name} cannot be merged: they differ in ${what}, ${left} against ${right}.${way}`,
    )
  }
}

/** Whether a document of a pack has more tokens than one row reads. */
const isCut = ({ exemplars, heldOut, rowLength }: TextPack): boolean =>
  [...exemplars, ...heldOut].some(({ ids }) => ids.length - 1 > rowLength)

const firstRelease = ({ history }: TextPack): string => itemAt(history, 0, 'release').model.sha256

interface HeldOutFacts {
  readonly loss: TextLoss
  readonly uses: number
  readonly first: TextLoss | undefined
}

/** What is known of each held-out document, by its tokens; one that both packs have was used as often as in the one that used it most. */
function heldOutFacts(packs: readonly TextPack[], release: string): ReadonlyMap<string, HeldOutFacts> {
  const found = new Map<string, HeldOutFacts>()
  for (const pack of packs) {
    const { heldOut, losses, uses } = pack
    const first = firstRelease(pack) === release ? pack.first : undefined
    for (const [at, document] of heldOut.entries()) {
      const key = documentKey(document)
      const before = found.get(key)
      found.set(key, {
        loss: before?.loss ?? itemAt(losses, at, 'loss'),
        uses: Math.max(before?.uses ?? 0, itemAt(uses, at, 'uses')),
        first: before?.first ?? first?.losses[at],
      })
    }
  }
  return found
}

function mergedAnswers(
  exemplars: readonly TokenDocument[],
  a: TextPack,
  b: TextPack,
): TextAnswers | undefined {
  if (!a.answers || !b.answers) return undefined
  const k = Math.min(itemAt(a.answers.ids.dims, 1, 'axis'), itemAt(b.answers.ids.dims, 1, 'axis'))
  const places = new Map([...placesOf(b, b.answers), ...placesOf(a, a.answers)])
  const tokens = exemplars.reduce((sum, document) => sum + tokensThatCount(document), 0)
  const ids = new Int32Array(tokens * k)
  const shares = float32([tokens, k])
  let at = 0
  for (const document of exemplars) {
    const { answers, from } = required(places, documentKey(document), 'answers of document')
    const width = itemAt(answers.ids.dims, 1, 'axis')
    for (let token = 0; token < tokensThatCount(document); token++, at++) {
      const begin = (from + token) * width
      ids.set(answers.ids.data.subarray(begin, begin + k), at * k)
      shares.data.set(answers.logProbabilities.data.subarray(begin, begin + k), at * k)
    }
  }
  return { ids: { type: 'int32', dims: [tokens, k], data: ids }, logProbabilities: shares }
}

/** Where the answers of each document begin. */
function placesOf(
  { exemplars }: TextPack,
  answers: TextAnswers,
): readonly (readonly [string, { readonly answers: TextAnswers; readonly from: number }])[] {
  let at = 0
  return exemplars.map((document) => {
    const from = at
    at += tokensThatCount(document)
    return [documentKey(document), { answers, from }] as const
  })
}

function mergedBudget(
  a: TextPackBudget,
  b: TextPackBudget,
  exemplars: readonly TokenDocument[],
): TextPackBudget {
  if (a.tokens !== undefined && b.tokens !== undefined) return { ...a, tokens: a.tokens + b.tokens }
  if (a.documents !== undefined && b.documents !== undefined) {
    return { ...a, documents: a.documents + b.documents }
  }
  return { choose: a.choose, topTokens: a.topTokens, tokens: tokensIn(exemplars) }
}
