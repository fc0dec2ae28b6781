import { didYouMean, UsageError } from '../errors.ts'

/** What a flag was given; undefined where it was not. */
export type Given = string | undefined

const wrong = (flag: string, expected: string, found: string): UsageError =>
  new UsageError('flag-value', `--${flag}: expected ${expected}, found "${found}".`)

/** A number. */
export function numberOf(flag: string, text: Given, least = Number.NEGATIVE_INFINITY): number | undefined {
  if (text === undefined) return undefined
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isFinite(value) && value >= least) return value
  throw wrong(flag, least === Number.NEGATIVE_INFINITY ? 'a number' : `a number from ${least} on`, text)
}

/** A whole number. */
export function wholeOf(flag: string, text: Given, least = 0): number | undefined {
  const value = numberOf(flag, text)
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return value
  throw wrong(flag, `a whole number from ${least} on`, String(text))
}

/**
 * A share of the whole, as a fraction from 0 to below 1: `1%`, `0.01`, or `1pt` (a percentage point) are the same.
 *
 * @example shareOf('max-drop', '1%') // 0.01
 */
export function shareOf(flag: string, text: Given): number | undefined {
  if (text === undefined) return undefined
  const [, digits = '', unit = ''] = /^\s*([\d.]+)\s*(%|pts?|points?)?\s*$/.exec(text) ?? []
  const value = digits === '' ? Number.NaN : unit === '' ? Number(digits) : Number(digits) / 100
  if (value >= 0 && value < 1) return value
  throw wrong(flag, 'a share below 100 % such as 1%, 0.01 or 1pt', text)
}

/** Words between commas. */
export function listOf(flag: string, text: Given): string[] | undefined {
  if (text === undefined) return undefined
  const words = text.split(',').map((word) => word.trim())
  if (words.every((word) => word !== '')) return [...new Set(words)]
  throw wrong(flag, 'words with commas between them', text)
}

/** One of some words. */
export function choiceOf<T extends string>(flag: string, text: Given, choices: readonly T[]): T | undefined {
  if (text === undefined) return undefined
  const found = choices.find((choice) => choice === text)
  if (found !== undefined) return found
  throw new UsageError(
    'flag-value',
    `--${flag}: expected one of ${choices.join(', ')}, found "${text}".${didYouMean(text, choices)}`,
  )
}

/** Some of some words, between commas. */
export function choicesOf<T extends string>(
  flag: string,
  text: Given,
  choices: readonly T[],
): T[] | undefined {
  return listOf(flag, text)?.flatMap((word) => choiceOf(flag, word, choices) ?? [])
}

/** Whole numbers between commas. */
export function wholesOf(flag: string, text: Given, least = 0): number[] | undefined {
  return text
    ?.split(',')
    .map((word) => wholeOf(flag, word, least))
    .filter((value) => value !== undefined)
}

/**
 * Seeds: `4`, `1,4`, `1..3`, or a mixture.
 *
 * @example seedsOf('seeds', '1..3,7') // [1, 2, 3, 7]
 */
export function seedsOf(flag: string, text: Given): number[] | undefined {
  if (text === undefined) return undefined
  const seeds = text.split(',').flatMap((part) => {
    const [, from, to] = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(part.trim()) ?? []
    const first = Number(from)
    const last = to === undefined ? first : Number(to)
    if (from === undefined || last < first || last - first >= 10_000) {
      throw wrong(flag, 'seeds like 4, 1,4 or 1..3', text)
    }
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
  return [...new Set(seeds)]
}
