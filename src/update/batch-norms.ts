import { samples } from '../data/dataset.ts'
import { followNorms } from '../model/adapters/index.ts'
import { methodOf } from './method-of.ts'
import { type Parts, rowsIn } from './parts.ts'
import type { UpdateOptions } from './update-types.ts'

/** Old rows that are rehearsed, and new ones, from which on norms follow: with 1,000 it helped, with 200 it hurt. */
const ENOUGH_OLD = 500
const ENOUGH_NEW = 200

/**
 * Whether batch norms take each batch's statistics in training, the running ones following: where enough rows are trained on for these to
 * say something. A part of the weights, low-rank updates and methods that hold weights are trained on norms that stay: what is not meant to
 * move does not.
 */
export function normsFollow(options: UpdateOptions, { exemplars }: Pick<Parts, 'exemplars'>): boolean {
  const { batchNorm, data, lora, select, updates } = options
  const usual = methodOf(options) === methodOf({ ...options, method: undefined })
  const whole = !lora && !updates && (select === undefined || select.kind === 'all')
  const enough = rowsIn(exemplars) >= ENOUGH_OLD && samples(data.train) >= ENOUGH_NEW
  return batchNorm !== 'fixed' && usual && whole && enough
}

/** The update with running statistics that can move, where they follow. */
export function withFollowingNorms(options: UpdateOptions, parts: Pick<Parts, 'exemplars'>): UpdateOptions {
  if (!normsFollow(options, parts)) return options
  const { model, widened } = options
  const followed = followNorms(widened)
  return { ...options, model: model === widened ? followed : followNorms(model), widened: followed }
}
