import { type LoraOptions, packedPlaces, type Selection } from '../../model/adapters/index.ts'
import { findHead } from '../../model/heads/index.ts'
import { vocabularyOf } from '../../model/language.ts'
import type { Model } from '../../model/model.ts'
import { textUpdateDefaults } from './text-defaults.ts'
import {
  type TextRungName,
  type TextUpdateOptions,
  type TrainedUpdates,
  textRungNames,
} from './text-update-types.ts'

/** One way to train a language model: what trains, how fast and for how long. */
export interface TextRung {
  readonly name: TextRungName
  /** In words. */
  readonly place: string
  readonly learningRate: number
  /** Passes over the new rows, and the steps that these are at least, where none are asked for. */
  readonly passes: { readonly epochs: number; readonly least: number }
  /** Updates that are merged afterwards; undefined where they are layers of their own, or all weights train. */
  readonly lora: LoraOptions | undefined
  readonly select: Selection
}

/**
 * How fast and how long each rung trains where nothing else is said, for a model of a width of 128: tried on the tiny GPT of
 * docs/language-models.md. With Adam the rate that layers bear falls as their width grows (Yang et al. 2022, arXiv 2203.03466).
 */
const recipes = {
  'low-rank': { learningRate: 3e-3, passes: { epochs: 3, least: 50 } },
  whole: { learningRate: 1.5e-3, passes: { epochs: 6, least: 50 } },
} as const satisfies Record<TextRungName, Pick<TextRung, 'learningRate' | 'passes'>>

const MEASURED_WIDTH = 128

/** The rungs that an update may climb, in order. Where what trains is asked for, that is the only one. */
export function textLadder({
  model,
  updates,
  rungs = updates ? ['low-rank'] : textRungNames,
  lora,
  select,
}: Pick<TextUpdateOptions, 'model' | 'rungs' | 'lora' | 'select' | 'updates'>): TextRung[] {
  const recipe = (name: TextRungName) => ({
    ...recipes[name],
    learningRate: twoDigits((recipes[name].learningRate * MEASURED_WIDTH) / widthOf(model)),
  })
  const lowRank = (options: LoraOptions): TextRung => ({
    ...{ name: 'low-rank', place: 'low-rank updates', ...recipe('low-rank') },
    ...{ lora: options, select: { kind: 'all' } },
  })
  const beside = ({ names }: TrainedUpdates): TextRung => ({
    ...{ name: 'low-rank', place: 'low-rank updates', ...recipe('low-rank') },
    ...{ lora: undefined, select: { kind: 'names', patterns: names } },
  })
  const whole = (chosen: Selection): TextRung => ({
    ...{ name: 'whole', place: chosen.kind === 'all' ? 'everything' : chosen.kind, ...recipe('whole') },
    ...{ lora: undefined, select: chosen },
  })
  if (updates && lora) return [beside(updates)]
  if (lora) return [lowRank({ rank: textUpdateDefaults.rank, ...lora })]
  if (select && select.kind !== 'all') return [whole(select)]
  const all = [updates ? beside(updates) : lowRank({ rank: textUpdateDefaults.rank }), whole({ kind: 'all' })]
  return all.filter(({ name }) => rungs.includes(name))
}

/** Where nothing tells how wide a model is: as wide as GPT-2. */
const UNKNOWN_WIDTH = 768

/** What its head reads for each token; at least what the tiny GPT's does, as no higher rate was tried. */
function widthOf(model: Model): number {
  const vocabulary = vocabularyOf(model)
  const head = findHead(model)
  const weight = head && model.parameters.get(head.weight)
  const width = weight ? weight.data.length / vocabulary : packedWidth(model, vocabulary)
  return Math.max(MEASURED_WIDTH, width ?? UNKNOWN_WIDTH)
}

/** What a head of few bits reads. */
function packedWidth(model: Model, vocabulary: number): number | undefined {
  for (const { layout, dims } of packedPlaces(model).values()) {
    const [inputs, outputs] = layout === 'in-out' ? dims : [...dims].reverse()
    if (outputs === vocabulary) return inputs
  }
  return undefined
}

const twoDigits = (value: number): number => Number(value.toPrecision(2))
