import { didYouMean } from '../errors.ts'

/** What JSON Schema says of a value, as far as messages need it. */
export interface Described {
  readonly type?: string | readonly string[] | undefined
  readonly enum?: readonly unknown[] | undefined
  readonly const?: unknown
  readonly items?: Described | undefined
  /** What each place of a list of fixed length is. */
  readonly prefixItems?: readonly Described[] | undefined
  readonly minItems?: number | undefined
  readonly minLength?: number | undefined
  /** What text has to match. */
  readonly pattern?: string | undefined
  readonly minimum?: number | undefined
  readonly maximum?: number | undefined
  readonly exclusiveMinimum?: number | undefined
  readonly exclusiveMaximum?: number | undefined
  readonly description?: string | undefined
  /** Why a number has its bounds: see `bounds.ts`. */
  readonly because?: string | undefined
  /** Words that are none of a list's but that people write, in small letters, and a sentence on each. */
  readonly instead?: Readonly<Record<string, string>> | undefined
  readonly anyOf?: readonly Described[] | undefined
  readonly oneOf?: readonly Described[] | undefined
  readonly properties?: Readonly<Record<string, Described>> | undefined
  /** Of settings by name: which names. */
  readonly propertyNames?: Described | undefined
  readonly additionalProperties?: Described | boolean | undefined
}

/**
 * What a schema takes, in words that end the sentence "expected …".
 *
 * @example inWords({ type: 'integer', minimum: 1, maximum: 256 }) // 'a whole number from 1 to 256'
 */
export function inWords(described: Described): string {
  const { type, enum: words, const: only, items, minItems, anyOf, oneOf, properties } = described
  // A list of types is how "text, or nothing" is said.
  const forms = typeof type === 'object' ? type.map((one) => ({ ...described, type: one })) : (anyOf ?? oneOf)
  if (forms) return [...new Set(forms.map(inWords))].join(', or ')
  if (only !== undefined) return String(only)
  if (words) return `one of ${words.join(', ')}`
  if (type === 'integer' || type === 'number') return numberInWords(described)
  if (type === 'boolean') return 'true or false'
  if (type === 'null') return 'nothing'
  if (described.prefixItems) return `a list of ${described.prefixItems.length} values`
  if (type === 'array')
    return `a list${minItems ? ', not empty,' : ''}${items ? ` of values that are each ${inWords(items)}` : ''}`
  if (type === 'object') {
    const known = Object.keys(properties ?? {})
    return known.length > 0
      ? `settings (${known.slice(0, 6).join(', ')}${known.length > 6 ? ', …' : ''})`
      : 'settings by name'
  }
  if (described.pattern !== undefined) return `text that matches ${described.pattern}`
  return described.minLength === undefined ? 'text' : 'text that is not empty'
}

/** The same of a number: its bounds, and why it has them. */
export const numberInWords = (described: Described): string =>
  `${described.type === 'integer' ? 'a whole number' : 'a number'}${range(described)}${
    described.because === undefined ? '' : ` (${described.because})`
  }`

/** Bounds in words; those of the number type itself are not worth saying. */
function range({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Described): string {
  const [least, most, above, below] = [minimum, maximum, exclusiveMinimum, exclusiveMaximum].map((bound) =>
    type === 'integer' && Math.abs(bound ?? 0) >= Number.MAX_SAFE_INTEGER ? undefined : bound,
  )
  const lower = above === undefined ? least !== undefined && ` from ${least}` : ` above ${above}`
  const upper = below === undefined ? most !== undefined && ` to ${most}` : ` below ${below}`
  return `${lower || ''}${upper || (lower && above === undefined ? ' on' : '')}`
}

/**
 * Ends the message about a word that is none of those known: what is written instead of it, or the nearest of them.
 *
 * @example meantBy('gpu', described, ['cpu', 'webgpu']) // ' Graphics devices are webgpu and cuda.'
 */
export function meantBy(found: string, { instead = {} }: Described, words: readonly string[]): string {
  const word = found.toLowerCase()
  return Object.hasOwn(instead, word) ? ` ${instead[word]}` : didYouMean(found, words)
}
