import { preview } from './names/index.ts'
import { asWarning } from './notes.ts'
import type { PreprocessingName, Reading } from './reading.ts'
import { type InputFiles, readInputFiles } from './sidecar-files.ts'

/** A model's file, and its input. */
interface ReadModel {
  readonly path: string
  readonly input: Parameters<typeof readInputFiles>[1]
}

/** What flags say of reading is said to both models. */
export interface SaidToBoth {
  readonly preprocessing?: PreprocessingName | undefined
  readonly reading?: Reading | undefined
}

/**
 * A warning where the files beside two models say that they read the same data differently; none where they read alike. Of a model and its
 * update that is a fault: the files were left behind, and what is then measured is not what was learned.
 *
 * @throws What {@link readInputFiles} throws.
 */
export async function readingDifference(
  first: ReadModel,
  second: ReadModel,
  said: SaidToBoth = {},
): Promise<string[]> {
  const [a, b] = [await howRead(first, said), await howRead(second, said)]
  const odd = [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name))
  if (odd.length === 0) return []
  return [
    asWarning(
      `${first.path} and ${second.path} read their data differently (${preview(odd)}), as holdfast.json, preprocessor_config.json and tokenizer.json beside them say. If the one is an update of the other, give both the same files.`,
    ),
  ]
}

/** All that says how data are read, by name, as text. */
async function howRead({ path, input: facts }: ReadModel, said: SaidToBoth): Promise<Map<string, string>> {
  const files = await readInputFiles(path, facts)
  const fields = {
    ...inputFields(files.input, said),
    ...(said.reading?.tokenizer === undefined && tokenizerFields(files)),
  }
  return new Map(
    Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, asText(value)] as const],
    ),
  )
}

/** One value for each channel says no more than one for all, where it is the same. */
function asText(value: unknown): string {
  const distinct = Array.isArray(value) ? [...new Set(value)] : []
  const alike = distinct.length === 1 && typeof distinct[0] === 'number'
  return JSON.stringify(alike ? distinct[0] : value)
}

function inputFields(
  input: InputFiles['input'],
  { preprocessing }: SaidToBoth,
): Readonly<Record<string, unknown>> {
  if (input.kind === 'text') return { kind: input.kind, 'longest input': input.maxLength }
  const numbers = preprocessing === undefined || preprocessing === 'default' ? input.preprocessing : {}
  return input.kind === 'image'
    ? { kind: input.kind, ...input.image, ...numbers }
    : { kind: input.kind, features: input.features, ...input.image, ...numbers }
}

const tokenizerFields = ({ tokenizer, tokenizerJson }: InputFiles): Readonly<Record<string, unknown>> =>
  tokenizer
    ? { tokenizer: tokenizerJson, 'longest text': tokenizer.limit, 'filling token': tokenizer.filler }
    : {}
