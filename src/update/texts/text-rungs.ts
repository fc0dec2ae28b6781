import type { LoraOptions, Selection } from '../../model/adapters/index.ts'
import { textUpdateDefaults } from './text-defaults.ts'
import { type TextRungName, type TextUpdateOptions, textRungNames } from './text-update-types.ts'

/** One way to train a language model: what trains, how fast and for how long. */
export interface TextRung {
  readonly name: TextRungName
  /** In words. */
  readonly place: string
  readonly learningRate: number
  /** Passes over the new rows, and the steps that these are at least, where none are asked for. */
  readonly passes: { readonly epochs: number; readonly least: number }
  readonly lora: LoraOptions | undefined
  readonly select: Selection
}

/** How each rung trains where nothing else is said; measured by `bench/update-texts.ts`. */
const recipes = {
  'low-rank': { learningRate: 3e-3, passes: { epochs: 2, least: 50 } },
  whole: { learningRate: 5e-4, passes: { epochs: 2, least: 50 } },
} as const satisfies Record<TextRungName, Pick<TextRung, 'learningRate' | 'passes'>>

/** The rungs that an update may climb, in order. Where what trains is asked for, that is the only one. */
export function textLadder({ rungs = textRungNames, lora, select }: TextUpdateOptions): TextRung[] {
  const lowRank = (options: LoraOptions): TextRung => ({
    ...{ name: 'low-rank', place: 'low-rank updates', ...recipes['low-rank'] },
    ...{ lora: options, select: { kind: 'all' } },
  })
  const whole = (chosen: Selection): TextRung => ({
    ...{ name: 'whole', place: chosen.kind === 'all' ? 'everything' : chosen.kind, ...recipes.whole },
    ...{ lora: undefined, select: chosen },
  })
  if (lora) return [lowRank({ rank: textUpdateDefaults.rank, ...lora })]
  if (select && select.kind !== 'all') return [whole(select)]
  const all = [lowRank({ rank: textUpdateDefaults.rank }), whole({ kind: 'all' })]
  return all.filter(({ name }) => rungs.includes(name))
}
