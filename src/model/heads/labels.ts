import { ModelError } from '../../errors.ts'

/** Metadata keys that programs keep labels under. */
const keys = ['classes', 'class_names', 'labels', 'id2label', 'names']

/** '0' to 'n - 1': names for classes that have none. */
export const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n))

export const classesToMetadata = (classes: readonly string[]): { key: string; value: string }[] =>
  classes.length === 0 ? [] : [{ key: 'classes', value: JSON.stringify(classes) }]

/** Labels kept as a JSON list, a JSON object by index, or a Python dictionary by index, as Ultralytics writes. */
export function classesFromMetadata(metadata: Readonly<Record<string, string>>): string[] | undefined {
  for (const key of keys) {
    const text = metadata[key]
    const found = text === undefined ? undefined : (labelsOf(parsed(text)) ?? pythonDictionary(text))
    if (found) return found
  }
  return undefined
}

/**
 * Labels from a file beside a model: `labels.txt` (one a line), `labels.json` (a list, or an object by index), or a
 * `config.json` with `id2label`.
 *
 * @throws ModelError `labels-unreadable` when it is there but says no labels; a `config.json` without labels is none.
 */
export function classesFromFile(path: string, text: string): string[] | undefined {
  if (path.endsWith('.txt')) {
    const lines = text.split(/\r?\n/).map((line) => line.trim())
    while (lines.at(-1) === '') lines.pop()
    if (lines.length > 0 && !lines.includes('')) return lines
    throw unreadable(path, 'one label a line was expected, but there are empty lines or none')
  }
  const value = parsed(text)
  if (path.endsWith('config.json')) {
    return isRecord(value) && 'id2label' in value ? labelsOf(value.id2label) : undefined
  }
  const labels = labelsOf(value)
  if (labels) return labels
  throw unreadable(path, 'a JSON list of texts, or an object from "0", "1", … to texts, was expected')
}

/**
 * A Hugging Face config.json with other labels: `id2label`, `label2id`, and `num_labels` where it is there. Every other
 * field keeps its place and value.
 *
 * @returns undefined where the labels are those that it has.
 * @throws ModelError `labels-unreadable` when it is no JSON object.
 */
export function configWithLabels(path: string, text: string, classes: readonly string[]): string | undefined {
  const config = parsed(text)
  if (!isRecord(config)) throw unreadable(path, 'a JSON object was expected')
  if (labelsOf(config.id2label)?.join('\n') === classes.join('\n')) return undefined
  const id2label = Object.fromEntries(classes.map((label, at) => [at, label]))
  const label2id = Object.fromEntries(classes.map((label, at) => [label, at]))
  const count = 'num_labels' in config ? { num_labels: classes.length } : {}
  return `${JSON.stringify({ ...config, id2label, label2id, ...count }, null, 2)}\n`
}

const unreadable = (path: string, problem: string): ModelError =>
  new ModelError('labels-unreadable', `${path}: ${problem}. Correct the file or take it away.`)

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function labelsOf(value: unknown): string[] | undefined {
  const list = isRecord(value) ? numbered(Object.keys(value).length).map((key) => value[key]) : value
  return Array.isArray(list) && list.length > 0 && list.every((label) => typeof label === 'string')
    ? list
    : undefined
}

/** One entry of a dictionary and the comma behind it. Each part is bounded, or ends where the next begins: no way back. */
const pythonEntry = /\s*(\d{1,9})\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*(?:,|$)/sy

/** {0: 'person', 1: "cat's eye"} */
function pythonDictionary(text: string): string[] | undefined {
  const trimmed = text.trim()
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}')) return undefined
  const inside = trimmed.slice(1, -1).trim()
  const entries: [string, string][] = []
  // Read from the front, entry by entry: searching for entries takes the square of the length where there are none.
  for (let at = 0; at < inside.length; at = pythonEntry.lastIndex) {
    pythonEntry.lastIndex = at
    const [, index, single, double] = pythonEntry.exec(inside) ?? []
    if (index === undefined) return undefined
    entries.push([index, single ?? double ?? ''])
  }
  return labelsOf(Object.fromEntries(entries))
}
