import type { TextUpdateSummary } from '../update/texts/index.ts'
import { type TradeoffLine, type TradeoffPlot, textTradeoff } from './figures/index.ts'
import { rising } from './update-rungs.ts'

type Trial = TextUpdateSummary['trials'][number]
type Claim = Trial['curve'][number]['claims'][number]

/**
 * What is saved on new texts against what is added to old ones, as a plot: a line for each rung, the budget, and the chosen point with its
 * bound. Undefined where nothing was trained, or nothing says what old texts take.
 */
export function languageTradeoff(summary: TextUpdateSummary): TradeoffPlot | undefined {
  const { trials, chosen, documents, budget, old } = summary
  const tested = trials.flatMap(({ curve }) => curve)
  if (trials.length === 0 || (documents.order === 0 && tested.length === 0)) return undefined
  const claims = tested.flatMap(({ claims: [claim] }) => (claim ? [claim] : []))
  const inUnit = changeFrom(budget.unit, claims)
  const lines = trials.map((trial) => lineOf(trial, budget.unit, documents.order > 0 ? inUnit : undefined))
  const at = chosen && trials[chosen.trial]?.curve.find(({ alpha }) => alpha === chosen.alpha)
  const taken = at && pointOf(at, budget.unit)
  const seemed =
    chosen && inUnit
      ? { drop: inUnit(chosen.guess.loss), new: chosen.guess.gain, upper: undefined }
      : undefined
  const proved = old
    ? 'Full points were tested on the old documents that prove; hollow ones were not, and what they add is an estimate by documents that prove nothing.'
    : 'No old document proves anything: what points add is what old documents that only order them say.'
  const drawn = lines.filter(({ tested: sure, estimated }) => sure.length + estimated.length > 0)
  if (drawn.length === 0) return undefined
  return {
    title: 'Old against new',
    caption: `Each line is something that was trained. ${proved} What is saved is that on the new documents that points were compared on.`,
    lines: drawn,
    budget: shown(budget.maxChange, budget.unit),
    chosen: taken ?? seemed,
    measure: textTradeoff(budget.unit),
  }
}

type Unit = Claim['unit']

/** Of perplexities a ratio less 1, so that no change is 0 in all units. */
const shown = (change: number, unit: Unit): number => (unit === 'perplexity' ? change - 1 : change)

/** What a relative change of bits is in the unit; undefined where nothing that was tested tells. */
function changeFrom(unit: Unit, claims: readonly Claim[]): ((loss: number) => number) | undefined {
  if (unit === 'relative') return (loss) => loss
  const claim = claims.find(({ before, after }) => before !== after)
  if (!claim) return undefined
  const relative = claim.after / claim.before - 1
  if (unit === 'bits') return (loss) => (loss * claim.change) / relative
  return (loss) => Math.exp((loss * Math.log(claim.change)) / relative) - 1
}

/** A point that was tested. */
const pointOf = ({ guess, claims: [claim] }: Trial['curve'][number], unit: Unit) =>
  claim && { drop: shown(claim.change, unit), upper: shown(claim.upper, unit), new: guess.gain }

/** Estimates stand behind what was tested, moved to where its last point was measured. */
function lineOf(
  { settings, curve, looks }: Trial,
  unit: Unit,
  inUnit: ((loss: number) => number) | undefined,
): TradeoffLine {
  const points = curve.flatMap((point) => pointOf(point, unit) ?? [])
  const tested = [...points].sort((a, b) => a.new - b.new)
  const reached = tested.at(-1)
  const last = curve.find(({ guess }) => guess.gain === reached?.new)
  const moved = inUnit && reached && last ? reached.drop - inUnit(last.guess.loss) : 0
  const guesses = inUnit ? looks.map(({ loss, gain }) => ({ drop: inUnit(loss) + moved, new: gain })) : []
  const estimated = reached
    ? rising(guesses, reached.new, reached.drop)
    : guesses.filter(({ new: gain }) => gain >= 0)
  return { name: settings.rung, tested, estimated }
}
