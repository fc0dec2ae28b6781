import { numbered } from './class-name.ts'

/** undefined where the text is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** How JSON says labels: a list; an object from index to label; or one from label to index, as Keras writes `class_indices`. */
export type LabelForm = 'list' | 'by-index' | 'by-label'

/** Labels in a JSON list of texts or an object from '0', '1', … to texts, in the order of the indexes. */
export function labelsOf(value: unknown): string[] | undefined {
  const list = isRecord(value) ? numbered(Object.keys(value).length).map((key) => value[key]) : value
  return Array.isArray(list) && list.length > 0 && list.every((label) => typeof label === 'string')
    ? list
    : undefined
}

/** The same, or an object from labels to 0, 1, …; and which of them it is. */
export function labelsAndForm(
  value: unknown,
): { readonly labels: string[]; readonly form: LabelForm } | undefined {
  const labels = labelsOf(value)
  if (labels) return { labels, form: Array.isArray(value) ? 'list' : 'by-index' }
  if (!isRecord(value)) return undefined
  const turned: string[] = []
  for (const [label, index] of Object.entries(value)) if (typeof index === 'number') turned[index] = label
  const whole = turned.length > 0 && Object.keys(turned).length === Object.keys(value).length
  return whole && turned.length === Object.keys(value).length
    ? { labels: turned, form: 'by-label' }
    : undefined
}

export function inForm(classes: readonly string[], form: LabelForm): unknown {
  if (form === 'list') return classes
  return Object.fromEntries(
    classes.map((label, at): [string, unknown] => (form === 'by-index' ? [String(at), label] : [label, at])),
  )
}

/** JSON with the indentation and the last line end that a text has. */
export function likeJson(value: unknown, text: string): string {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1]
  return `${JSON.stringify(value, undefined, indent)}${text.endsWith('\n') ? '\n' : ''}`
}
