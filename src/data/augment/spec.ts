import { z } from 'zod'
import { didYouMean, UsageError } from '../../errors.ts'

const share = { number: z.number().gt(0).max(1), range: 'a number above 0 and up to 1' }
const pixels = { number: z.int().min(1), range: 'a whole number from 1 on' }
/** Beyond these all shares are 0 or 1, or all are 1/2, as far as float32 tells. */
const alpha = { number: z.number().min(0.001).max(1e6), range: 'a number from 0.001 to 1,000,000' }

/** How images may be augmented: the number behind each name, its usual value, what it means, and whose it is. */
const augmentations = {
  flip: { ...share, usual: 0.5, means: 'the chance that a row is flipped left to right' },
  crop: { ...pixels, usual: 4, means: 'how many pixels a row is shifted at most, each way' },
  colour: { ...share, usual: 0.2, means: 'the most that brightness, contrast and saturation change by' },
  cutout: { ...pixels, usual: 8, means: 'the side in pixels of the square that is blanked' },
  mixup: { ...alpha, usual: 0.2, means: 'alpha of Beta(alpha, alpha), how much of a row is its own' },
  cutmix: { ...alpha, usual: 1, means: 'alpha of Beta(alpha, alpha), how much of a row is its own' },
} as const

export type AugmentName = keyof typeof augmentations
const names = Object.keys(augmentations) as AugmentName[]

/**
 * How training images are augmented; what is left out is not done. The order is always the same: crop and flip, colour,
 * cutout, then mixup or CutMix.
 *
 * - `flip`: chance of a flip left to right. Usual 0.5.
 * - `crop`: pixels that a row is shifted at most, each way, with black coming in. Usual 4.
 * - `colour`: the most that brightness, contrast and saturation change by, each as a share. Usual 0.2. Of uint8 pixels.
 * - `cutout`: side in pixels of a square that is blanked (DeVries & Taylor 2017). Usual 8.
 * - `mixup`: alpha; a row becomes a x + (1 - a) x', with a from Beta(alpha, alpha) and x' another row; so does its loss
 *   (Zhang et al. 2018). Usual 0.2.
 * - `cutmix`: alpha; instead a box of a row, 1 - a of its area, is taken from another (Yun et al. 2019). Usual 1. With
 *   `mixup` as well each row has one of the two, by even chance.
 *
 * @example
 * const augment: AugmentSpec = { flip: 0.5, crop: 4 }
 */
export type AugmentSpec = { readonly [Name in AugmentName]?: number | undefined }

/** Whether rows are mixed with others, and so have two labels. */
export const mixes = ({ mixup, cutmix }: AugmentSpec): boolean => mixup !== undefined || cutmix !== undefined

/** As it is written: a name, a name and a number behind a colon, or such a pair as YAML has it, `{ crop: 4 }`. */
type Written = string | { readonly [name: string]: number | undefined }

/**
 * Reads a list of augmentations; `['none']` and an empty list are no augmentation.
 *
 * @throws UsageError `augment` naming what is not known, stands twice, or has a number out of range.
 * @example
 * const spec = parseAugment(['flip', 'crop:4']) // { flip: 0.5, crop: 4 }
 */
export function parseAugment(list: readonly Written[]): AugmentSpec {
  const problem = problemIn(list)
  if (problem !== undefined) {
    throw new UsageError('augment', `An augmentation is a list such as flip,crop:4, but ${problem}`)
  }
  if (isNone(list)) return {}
  return Object.fromEntries(
    list.flatMap(pairsOf).map(([name, number = augmentations[name as AugmentName].usual]) => [name, number]),
  )
}

/** What is wrong with a list, in half a sentence; undefined where nothing is. */
export function problemIn(list: readonly Written[]): string | undefined {
  if (isNone(list)) return undefined
  const pairs = list.flatMap(pairsOf)
  const [problem] = pairs.flatMap(([word, number]) => problemOf(word, number) ?? [])
  if (problem !== undefined) return problem
  const twice = pairs.find(([name], at) => pairs.findIndex(([other]) => other === name) < at)
  return twice && `${twice[0]} stands twice.`
}

const isNone = (list: readonly Written[]): boolean => list.length === 1 && list[0] === 'none'

/** Names with their numbers; undefined where none is said, NaN where what is said is none. */
function pairsOf(written: Written): (readonly [name: string, number: number | undefined])[] {
  if (typeof written !== 'string') return Object.entries(written).filter(([, value]) => value !== undefined)
  const [name = '', digits] = written.split(/:(.*)/s).map((part) => part.trim())
  return [[name, digits === '' ? Number.NaN : digits === undefined ? undefined : Number(digits)]]
}

function problemOf(word: string, value: number | undefined): string | undefined {
  const name = names.find((one) => one === word)
  if (name === undefined) {
    return `there is no "${word}" among ${names.join(', ')}.${didYouMean(word, names)}`
  }
  const { number, range, means } = augmentations[name]
  if (value === undefined || number.safeParse(value).success) return undefined
  const found = Number.isNaN(value) ? 'none' : value
  return `the number behind ${name} is ${means}, ${range}, and ${found} was found.`
}

/** As {@link parseAugment} reads it, with every number: `flip:0.5,crop:4`; `none` for none. */
export const augmentText = (spec: AugmentSpec): string =>
  names.flatMap((name) => (spec[name] === undefined ? [] : [`${name}:${spec[name]}`])).join(',') || 'none'

/** The list in a configuration. It stays as written; {@link parseAugment} reads it. */
export const augmentSchema = z
  .array(z.union([z.string(), z.record(z.string(), z.number())]))
  .superRefine((list, context) => {
    const problem = problemIn(list)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })
  .describe(`of training images, e.g. flip,crop:4; of ${names.join(', ')}`)
