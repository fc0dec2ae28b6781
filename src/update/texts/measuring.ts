import type { OnRows } from '../../evaluate/index.ts'
import type { TextUpdateOptions } from './text-update-types.ts'

/** Tells of rows that a model goes through without learning, and what they are gone through for. */
export const measuring =
  ({ onEvent }: Pick<TextUpdateOptions, 'onEvent'>, what: string): OnRows =>
  (done, of) =>
    onEvent?.({ type: 'measuring', what, done, of })
