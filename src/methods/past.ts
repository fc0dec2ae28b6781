import { samples } from '../data/dataset.ts'
import type { ConsolidateContext, Method } from './method.ts'

/**
 * How a method remembers a task; undefined where it cannot: a model that was trained elsewhere, and it needs rows of which there are
 * none, or to have seen the training.
 */
export function consolidationOf(
  { consolidate, past }: Pick<Method, 'consolidate' | 'past'>,
  { trace, train }: Pick<ConsolidateContext, 'trace' | 'train'>,
): Method['consolidate'] {
  if (trace || past === undefined || past === 'weights') return consolidate
  return past === 'rows' && samples(train) > 0 ? consolidate : undefined
}
