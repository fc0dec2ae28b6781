import { extname } from 'node:path'
import { z } from 'zod'
import { type Described, inWords, meantBy, numberInWords } from '../../data/schema-words.ts'

/** Text that becomes a value, and the text that a value would be typed as. */
interface Grammar<Value> {
  /** What stands for it in help. */
  readonly hint: string
  /** Ends the sentence "expected …". */
  readonly expected: string
  /** Undefined where the text does not say one. */
  readonly read: (text: string) => Value | undefined
  readonly write?: ((value: Value) => string) | undefined
  /** Ends the message about a text that says none: ` Did you mean "class"?` */
  readonly near?: ((text: string) => string) | undefined
}

/** A value that is told by text in a grammar of its own. */
export function told<Value>(schema: z.ZodType<Value>, grammar: Grammar<Value>) {
  const { hint, expected, read, write = String, near = () => '' } = grammar
  return z
    .codec(z.string(), schema, {
      decode: (text, context): Value => {
        const value = read(text)
        if (value !== undefined && schema.safeParse(value).success) return value
        const message = `expected ${expected}, found "${text}".${near(text)}`
        context.issues.push({ code: 'custom', message, input: text })
        return z.NEVER
      },
      encode: (value) => write(value as Value),
    })
    .meta({ hint })
}

/**
 * A number, a word, one of some words, or a list of such with commas between, as a flag takes it. What it may be is read from
 * the schema, so that a field of a configuration and its flag are one thing.
 *
 * @example fromText(z.int().min(1)) // --epochs 5
 */
export function fromText<Schema extends z.ZodType>(schema: Schema) {
  const described = z.toJSONSchema(schema, { io: 'output' }) as Described
  const grammar = described.type === 'array' ? listOf(described.items ?? {}) : wordOf(described)
  return told(schema as z.ZodType<z.output<Schema>>, grammar as Grammar<z.output<Schema>>)
}

/** A file or folder, shown in help as `hint`. */
export const path = (hint: string) =>
  told(z.string(), { hint, expected: 'a path', read: (text) => (text === '' ? undefined : text) })

/** A file that is written as a page. */
export const page = () =>
  told(z.string(), {
    hint: 'FILE.html',
    expected: 'a file that ends with .html, as a page is written',
    // Without an ending it is a page all the same, or a folder, which is told by who writes it.
    read: (text) => (text !== '' && /^$|^\.html?$/i.test(extname(text)) ? text : undefined),
  })

/** A file that is written as JSON Lines: what reads it goes by the ending. */
export const jsonLines = () =>
  told(z.string(), {
    hint: 'FILE.jsonl',
    expected: 'a file that ends with .jsonl or .ndjson, as JSON Lines are written',
    read: (text) => (/\.(jsonl|ndjson)$/i.test(text) ? text : undefined),
  })

/** A switch: there or not. */
export const on = () => z.boolean().default(false)

function listOf(item: Described): Grammar<unknown> {
  const { hint, expected, read, near } = wordOf(item)
  const parts = (text: string) => text.split(',').map((word) => word.trim())
  return {
    hint: `${hint},…`,
    expected: `${expected}, or several with commas between`,
    read: (text) => {
      const values = parts(text).map(read)
      return values.includes(undefined) ? undefined : values
    },
    write: (values) => (values as readonly unknown[]).join(','),
    near: (text) => near?.(parts(text).find((word) => read(word) === undefined) ?? '') ?? '',
  }
}

function wordOf(described: Described): Grammar<unknown> {
  const { type } = described
  const words = described.enum?.map(String)
  if (words) {
    return {
      hint: words.join('|'),
      expected: inWords(described),
      read: (text) => words.find((word) => word === text),
      near: (text) => meantBy(text, described, words),
    }
  }
  if (type !== 'number' && type !== 'integer') {
    return { hint: 'NAME', expected: 'a name', read: (text) => (text === '' ? undefined : text) }
  }
  const whole = type === 'integer'
  return {
    hint: whole ? 'N' : 'X',
    expected: numberInWords(described),
    read: (text) => {
      const value = text.trim() === '' ? Number.NaN : Number(text)
      return (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) ? value : undefined
    },
  }
}

/** A field of a configuration as a flag, with what the configuration says of it. */
export const flagOf = <Inner extends z.ZodType>(field: z.ZodOptional<Inner> | z.ZodDefault<Inner>) =>
  fromText(field.unwrap())
    .optional()
    .meta({ description: capitalised(field.description ?? '') })

export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
