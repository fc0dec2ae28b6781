import type { Method } from './method.ts'

/** Why a method cannot learn a stream where nobody tells when a task ends; undefined where it can. */
export function whyBorders({ needsBorders, consolidate, prepare }: Method): string | undefined {
  if (needsBorders !== undefined) return needsBorders === false ? undefined : needsBorders
  return consolidate || prepare ? `It goes by where tasks end. ${ONLINE_MEMORY}` : undefined
}

/** What methods without a memory of their own say that would do instead. */
export const ONLINE_MEMORY =
  'A memory that is filled row by row needs no borders: take reservoir-replay, er-ace, der or der++.'
