import { points } from '../../measure/points.ts'
import type { TextUnit } from '../../measure/text-verdict.ts'

/** A point with the bound of its drop, where it has one. */
interface Bounded {
  readonly drop: number
  readonly new: number
  readonly upper?: number | undefined
}

/** What is drawn of a trade-off, and how it is written. */
export interface TradeoffMeasure {
  /** Under the drops, and above what is learned. */
  readonly lossAxis: string
  readonly gainAxis: string
  /** Behind the title of the table, and in its head. */
  readonly units: string
  readonly lossHead: string
  readonly gainHead: string
  /** Up to where is shown at least. */
  beyond(budget: number): number
  /** From where to where what is learned is shown. */
  range(values: readonly number[]): readonly [low: number, high: number]
  /** A number at an axis, and in a table. */
  lossTick(value: number): string
  gainTick(value: number): string
  loss(value: number): string
  gain(value: number): string
  /** In sentences. */
  budget(value: number): string
  chosen(point: Bounded): string
}

/** For a value that is a round number of these, but for its last bits. */
const stepped = (value: number, step: number, round: (value: number) => number): number =>
  round(Number((value / step).toPrecision(12))) * step

/** Accuracies and their drop, as fractions. */
export const accuracyTradeoff: TradeoffMeasure = {
  lossAxis: 'drop of old accuracy in points',
  gainAxis: 'new accuracy in %',
  units: 'in % and points',
  lossHead: 'drop',
  gainHead: 'new %',
  beyond: (budget) => budget + 0.015,
  range: (values) => [
    stepped(Math.min(0.9, ...values), 0.1, Math.floor),
    stepped(Math.max(0.1, ...values), 0.1, Math.ceil),
  ],
  lossTick: (value) => String(Number((100 * value).toPrecision(6))),
  gainTick: (value) => points(value, 0),
  loss: (value) => points(value, 2),
  gain: (value) => points(value, 2),
  budget: (value) => `The budget is ${points(value, 2)} points.`,
  chosen: ({ drop, upper = drop, new: fresh }) =>
    `Chosen: a drop of ${points(drop, 2)} points, at most ${points(upper, 2)}, with ${points(fresh)} per cent of the new right.`,
}

/** How a change is written in each unit. Of perplexities what is drawn is the ratio less 1, so that nothing is 0 in all. */
const changes = {
  relative: {
    axis: 'old bits per byte added, in %',
    head: 'old added %',
    write: (value: number) => points(value, 2),
    tick: (value: number) => 100 * value,
    say: (written: string) => `${written} % more old bits per byte`,
  },
  bits: {
    axis: 'old bits per byte added',
    head: 'old bits added',
    write: (value: number) => value.toFixed(4).replace('-', '−'),
    tick: (value: number) => value,
    say: (written: string) => `${written} more old bits per byte`,
  },
  perplexity: {
    axis: 'old perplexity, by what it was',
    head: 'old perplexity',
    write: (value: number) => (1 + value).toFixed(3),
    tick: (value: number) => 1 + value,
    say: (written: string) => `${written} times the old perplexity`,
  },
} as const satisfies Record<TextUnit, object>

/** Beyond the budget so many times as much is shown, at least. */
const BEYOND_TEXTS = 1.75

/**
 * What texts take: the change of old bits per byte in the unit of the budget (of `perplexity` the ratio less 1), and the share of the new
 * bits that is saved.
 */
export function textTradeoff(unit: TextUnit): TradeoffMeasure {
  const { axis, head, write, tick, say } = changes[unit]
  return {
    lossAxis: axis,
    gainAxis: 'new bits per byte saved, in %',
    units: 'what is added to old texts and saved on new ones',
    lossHead: head,
    gainHead: 'new saved %',
    beyond: (budget) => (budget > 0 ? budget * BEYOND_TEXTS : 0.01),
    range: (values) => [0, stepped(Math.max(0.05, ...values), 0.05, Math.ceil)],
    lossTick: (value) => String(Number(tick(value).toPrecision(6))).replace('-', '−'),
    gainTick: (value) => points(value, 0),
    loss: write,
    gain: (value) => points(value, 2),
    budget: (value) => `The budget is ${say(write(value))}.`,
    chosen: ({ drop, upper, new: fresh }) =>
      `Chosen: ${say(write(drop))}${upper === undefined ? '' : `, at most ${write(upper)}`}, with ${points(fresh)} per cent of the new bits saved.`,
  }
}
