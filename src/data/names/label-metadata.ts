import { className } from './class-name.ts'
import { labelsOf, parsedJson } from './label-json.ts'

/** Metadata keys that programs keep labels under. */
const keys = ['classes', 'class_names', 'labels', 'id2label', 'names']

export const classesToMetadata = (classes: readonly string[]): { key: string; value: string }[] =>
  classes.length === 0 ? [] : [{ key: 'classes', value: JSON.stringify(classes) }]

/** Labels kept as a JSON list, a JSON object by index, or a Python dictionary by index, as Ultralytics writes. */
export function classesFromMetadata(metadata: Readonly<Record<string, string>>): string[] | undefined {
  for (const key of keys) {
    if (!Object.hasOwn(metadata, key)) continue
    const text = metadata[key] ?? ''
    const found = labelsOf(parsedJson(text)) ?? pythonDictionary(text)
    if (found) return found.map(className)
  }
  return undefined
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
