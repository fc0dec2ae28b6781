import type { Method } from './method.ts'

/**
 * Plain fine-tuning: every task is learned as if nothing had been learned before. The lower bound that methods are
 * measured against.
 *
 * @example
 * const method = none()
 */
export function none(): Method {
  return { name: 'none', settings: {} }
}
