import { count } from '../../count.ts'
import type { TextUnit } from '../../measure/text-verdict.ts'
import type { TextComparison } from './text-comparison.ts'

/** A change of a text score, or a budget for one, in its unit: `1.92 %`, `0.0352 bits per byte`, `1.047 times`. */
export function inTextUnit(value: number, unit: TextUnit): string {
  if (!Number.isFinite(value)) return value > 0 ? 'any number' : 'none'
  const number = {
    relative: () => (100 * value).toFixed(2),
    bits: () => value.toFixed(4),
    perplexity: () => value.toFixed(3),
  }[unit]()
  const tidy = Number(number) === 0 ? number.replace('-', '') : number.replace('-', '−')
  return `${tidy}${{ relative: ' %', bits: ' bits per byte', perplexity: ' times' }[unit]}`
}

/** How a score came out, in one sentence. `golden`: the pinned model that it is held against. */
export function scoreReason(found: TextComparison, confidence: number, golden?: string): string {
  const { verdict, unit, change, lower, upper, budget, documents, neededDocuments } = found
  const say = (value: number) => inTextUnit(value, unit)
  const sure = `with ${Number((100 * confidence).toFixed(4))} % confidence`
  const against = golden === undefined ? '' : ` against the golden ${golden}`
  const [score, digits] =
    unit === 'perplexity' ? (['Perplexity', 2] as const) : (['Bits per byte', 4] as const)
  const { baseline, candidate } = unit === 'perplexity' ? found.perplexity : found.bitsPerByte
  const went = `${score} went from ${baseline.toFixed(digits)} to ${candidate.toFixed(digits)}${against}, a change of ${say(change)}`
  const allowed = `the budget of ${say(budget)}`
  switch (verdict) {
    case 'pass':
      return `${went} and, ${sure}, of at most ${say(upper)}: inside ${allowed}.`
    case 'fail':
      return `${went} and, ${sure}, of at least ${say(lower)}: outside ${allowed}.`
    case 'inconclusive': {
      if (!Number.isFinite(upper)) {
        return `${went}. ${count(documents, 'document')} ${documents === 1 ? 'gives' : 'give'} no bound to hold against ${allowed}: at least five of some length each are needed. Parts of a long text may be documents of their own.`
      }
      const enough =
        neededDocuments === null
          ? 'no number decides where the change is the budget exactly'
          : `about ${count(neededDocuments, 'document')} like these would be needed`
      return `${count(documents, 'document')} cannot tell whether the change${against} is inside ${allowed}: it is ${say(change)}, between ${say(lower)} and ${say(upper)} (each bound ${sure}); ${enough}.`
    }
  }
}
