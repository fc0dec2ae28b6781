import { count } from '../../count.ts'
import { findHead } from '../heads/index.ts'
import { isUpdateName } from '../import/index.ts'
import type { Model } from '../model.ts'
import type { LoraOptions } from './lora.ts'
import { placesOf } from './lora-places.ts'

/**
 * What is to be said of a rank that is more than layers have: B A has no more than their inputs, and no more than their outputs.
 *
 * @example rankNotes(model, { rank: 1000 })
 */
export function rankNotes(model: Model, lora: Pick<LoraOptions, 'rank'> | undefined): readonly string[] {
  if (lora?.rank === undefined) return []
  const { rank } = lora
  const head = findHead(model)?.weight
  const ranks = [...placesOf(model)].flatMap(([name, { layout, dims }]) =>
    layout === 'conv' || name === head || isUpdateName(name) ? [] : [Math.min(...dims)],
  )
  const below = ranks.filter((own) => own < rank)
  if (below.length === 0) return []
  return [
    `Low-rank updates of rank ${rank} were asked for, and ${below.length} of ${count(ranks.length, 'layer')} have fewer inputs or outputs: they get rank ${rank} as asked, and there rank ${Math.max(...below)} learns as much, in less time and memory.`,
  ]
}
