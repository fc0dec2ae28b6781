import { z } from 'zod'
import { inUpdates } from './entry.ts'

// Options that every method with a memory has.

export const perClass = z
  .int()
  .min(1)
  .default(100)
  .describe('exemplars kept a class')
  .meta(inUpdates('memory'))

export const perTask = z
  .int()
  .min(1)
  .optional()
  .describe('exemplars kept a task, at random, in place of so many a class')

export const replayBatch = z
  .int()
  .min(1)
  .optional()
  .describe('remembered rows a step; default as many as new ones')
  .meta(inUpdates('batch'))
