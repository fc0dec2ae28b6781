import { z } from 'zod'
import { methodEntry } from './entry.ts'
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

export const noneEntry = methodEntry({
  name: 'none',
  summary: 'plain fine-tuning on the new task: the lower bound',
  needs: 'no',
  keeps: 'nothing',
  helps: 'the lower bound',
  options: z.strictObject({}),
  create: none,
})
