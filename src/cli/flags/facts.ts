import { z } from 'zod'

declare module 'zod' {
  interface GlobalMeta {
    /** What stands for the value in help: `FILE.onnx`. */
    hint?: string | undefined
    /** One letter: `-o`. */
    alias?: string | undefined
    /** The heading in help that the flag stands under. */
    group?: string | undefined
    /** Named by its place among the words, not by a flag. */
    argument?: boolean | undefined
    /** What holds without the flag, where no one value does: `twice the rank`. */
    otherwise?: string | undefined
    /** What the library calls it, where that is not the key. */
    option?: string | undefined
    /** What `--no-…` says of a switch that is on. */
    negative?: string | undefined
  }
}

/** What is known of one flag or argument: enough for parsing, help and documents. */
export interface FlagFacts {
  /** In the settings: `maxDrop`. */
  readonly key: string
  /** On the command line: `max-drop`. */
  readonly flag: string
  /** `argument` and `arguments` are named by their place. */
  readonly form: 'switch' | 'value' | 'argument' | 'arguments'
  readonly description: string
  readonly group: string
  readonly required: boolean
  readonly alias: string | undefined
  readonly hint: string
  /** As it would be typed, or in words. */
  readonly otherwise: string | undefined
  readonly negative: string | undefined
  /** What the library calls it in its messages. */
  readonly option: string
}

/** The settings of a verb: one field a flag. */
export type Settings = z.ZodObject

/** `maxDrop` on the command line: `max-drop`. */
export const flagName = (key: string): string =>
  key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** All flags and arguments of a verb, in the order of its schema. */
export const factsOf = (settings: Settings): FlagFacts[] =>
  Object.entries(settings.shape).map(([key, field]) => factsOfField(key, field as z.ZodType))

function factsOfField(key: string, field: z.ZodType): FlagFacts {
  const { inner, meta, required, value } = unwrapped(field)
  const isSwitch = inner instanceof z.ZodBoolean
  const form = meta.argument ? (inner instanceof z.ZodArray ? 'arguments' : 'argument') : undefined
  return {
    key,
    flag: flagName(key),
    form: form ?? (isSwitch ? 'switch' : 'value'),
    description: meta.description ?? '',
    group: meta.group ?? '',
    required,
    alias: meta.alias,
    hint: meta.hint ?? (form ? flagName(key).toUpperCase() : 'VALUE'),
    otherwise: meta.otherwise ?? (value === undefined || isSwitch ? undefined : typed(inner, value)),
    negative: isSwitch && value === true ? (meta.negative ?? 'Leave that out') : undefined,
    option: meta.option ?? key,
  }
}

interface Unwrapped {
  readonly inner: z.ZodType
  readonly meta: z.GlobalMeta
  readonly required: boolean
  readonly value: unknown
}

/** What lies under `optional` and `default`; what an outer layer says counts before what an inner one does. */
function unwrapped(field: z.ZodType): Unwrapped {
  const meta = field.meta() ?? {}
  if (field instanceof z.ZodDefault || field instanceof z.ZodOptional) {
    const below = unwrapped(field.unwrap() as z.ZodType)
    return {
      inner: below.inner,
      meta: { ...below.meta, ...meta },
      required: false,
      value: field instanceof z.ZodDefault ? field.def.defaultValue : below.value,
    }
  }
  return { inner: field, meta, required: true, value: undefined }
}

/** A value as it would be typed. */
const typed = (inner: z.ZodType, value: unknown): string => String(z.encode(inner, value))

/** The same flags under a heading of help. */
export const group = <Shape extends z.ZodRawShape>(heading: string, shape: Shape): Shape =>
  Object.fromEntries(
    Object.entries(shape).map(([key, field]) => [key, (field as z.ZodType).meta({ group: heading })]),
  ) as unknown as Shape
