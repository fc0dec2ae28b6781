import { ModelError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { className, isNumber, preview } from './class-name.ts'
import { refuseRepeated } from './distinct.ts'
import { splitPlaces } from './indexes.ts'
import { inForm, isRecord, labelsAndForm, likeJson, parsedJson } from './label-json.ts'

/** Labels as a file beside a model keeps them. */
export interface LabelText {
  readonly path: string
  /** In the order of the model's outputs. */
  readonly names: readonly string[]
  /** What was recognised or passed over. */
  readonly notes: readonly string[]
  /**
   * The same file for other classes: what else it holds, its form and its line ends stay.
   *
   * @throws ModelError `labels-unwritable` for a name that the file cannot hold.
   */
  readonly write: (classes: readonly string[]) => string
}

/**
 * Labels from a file beside a model: `labels.txt` (one a line, perhaps with an index in front), `labels.json` (a list, or an object by
 * index or by label), or a `config.json` with `id2label`.
 *
 * @param outputs How many labels there should be, where that is known: it tells comments and blank lines from labels.
 * @returns undefined for a `config.json` that is not Hugging Face's; `names` are empty where such a one says no labels.
 * @throws ModelError `labels-unreadable` when it is there but says no labels; DataError `classes-repeated` when two of them are alike.
 */
export function readLabelText(path: string, text: string, outputs?: number): LabelText | undefined {
  const found = foundIn(path, text, outputs)
  if (!found) return undefined
  refuseTwice(path, found)
  const { names, notes } = found
  return {
    path,
    names,
    notes,
    write: (classes) => {
      const written = found.write(classes)
      const again = foundIn(path, written, classes.length)
      const odd = classes.findIndex((name, at) => again?.names[at] !== className(name))
      if (again && odd < 0 && again.names.length === classes.length) {
        refuseTwice(path, again)
        return written
      }
      throw new ModelError(
        'labels-unwritable',
        `${path}: the class ${JSON.stringify(classes[Math.max(0, odd)])} cannot be written there so that it is read again as it is: a line break, an index or a # in front would be lost. Rename it, or keep the labels in labels.json.`,
      )
    },
  }
}

/** Whatever a file says, alike or not. */
const foundIn = (path: string, text: string, outputs: number | undefined): FoundLabels | undefined =>
  path.endsWith('.txt')
    ? readLines(path, text, outputs)
    : path.endsWith('config.json')
      ? readConfig(path, text)
      : readJson(path, text)

/** A list as read, with the lines of its entries where it has one a line. */
type FoundLabels = LabelText & { readonly lines?: readonly number[] | undefined }

function refuseTwice(path: string, { names, lines }: FoundLabels): void {
  refuseRepeated(names, ({ name, first, second }) =>
    lines
      ? `${path}, lines ${itemAt(lines, first, 'line')} and ${itemAt(lines, second, 'line')} both say ${name}`
      : `${path} calls outputs ${first} and ${second} both ${name}`,
  )
}

function readLines(path: string, text: string, outputs: number | undefined): FoundLabels {
  const notes: string[] = []
  let numbered = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map((line, at) => ({ line: className(line), number: at + 1 }))
  while (numbered.at(-1)?.line === '') numbered.pop()
  const drop = (what: string, isOne: (line: string) => boolean): void => {
    const left = numbered.filter(({ line }) => !isOne(line))
    if (left.length === numbered.length || numbered.length === outputs || left.length !== outputs) return
    notes.push(`${path}: ${what} are no labels; without them there are as many as the model has outputs.`)
    numbered = left
  }
  drop('blank lines', (line) => line === '')
  drop('lines that begin with #', (line) => line.startsWith('#'))
  drop('blank lines and lines that begin with #', (line) => line === '' || line.startsWith('#'))
  const lines = numbered.map(({ line }) => line)
  if (lines.length === 0 || lines.includes('')) {
    throw unreadable(path, 'one label a line was expected, but there are empty lines or none')
  }
  const indexed = splitPlaces(lines)
  const names = indexed?.names ?? lines
  if (indexed) {
    notes.push(
      `${path}: the numbers in front of the labels are taken for the outputs' places, counted from ${indexed.base}; the labels are ${preview(names)}.`,
    )
  }
  const end = text.includes('\r\n') ? '\r\n' : '\n'
  const line = (name: string, at: number): string =>
    indexed ? `${at + indexed.base}${indexed.between}${name}` : name
  return {
    path,
    names,
    notes,
    // Names behind indexes differ, see splitIndexes, and stand in the order of these.
    lines: indexed ? undefined : numbered.map(({ number }) => number),
    write: (classes) => {
      const goesOn = names.every((name, at) => classes[at] === name)
      const kept = goesOn ? [text.replace(/\s*$/, '')] : []
      const added = classes.map(line).slice(goesOn ? names.length : 0)
      return [...kept, ...added, ''].join(end)
    },
  }
}

function readJson(path: string, text: string): LabelText {
  const found = labelsAndForm(parsedJson(text.replace(/^\uFEFF/, '')))
  if (!found) {
    throw unreadable(
      path,
      'a JSON list of texts, or an object from "0", "1", … to texts or from texts to 0, 1, …, without gaps, was expected',
    )
  }
  return {
    path,
    names: found.labels.map(className),
    notes: [],
    write: (classes) => likeJson(inForm(classes, found.form), text),
  }
}

/** Fields by which a config.json is told to be Hugging Face's, which says labels or will have to. */
const configFields = ['id2label', 'label2id', 'num_labels', 'model_type', 'architectures']

function readConfig(path: string, text: string): LabelText | undefined {
  const config = parsedJson(text.replace(/^\uFEFF/, ''))
  if (config === undefined) throw unreadable(path, 'JSON was expected')
  if (!isRecord(config) || !configFields.some((field) => Object.hasOwn(config, field))) return undefined
  const said = config.id2label ?? config.label2id ?? undefined
  const found = labelsAndForm(said)
  if (said !== undefined && !found) {
    throw unreadable(path, `id2label should name the outputs "0", "1", … by texts, but ${problemOf(said)}`)
  }
  return {
    path,
    names: (found?.labels ?? []).map(className),
    notes: [],
    write: (classes) => {
      const labels = { id2label: inForm(classes, 'by-index'), label2id: inForm(classes, 'by-label') }
      const count = 'num_labels' in config ? { num_labels: classes.length } : {}
      return likeJson({ ...config, ...labels, ...count }, text)
    },
  }
}

function problemOf(said: unknown): string {
  if (!isRecord(said)) return 'it is no object of these'
  const keys = Object.keys(said)
  const gap = keys.findIndex((_, at) => !Object.hasOwn(said, String(at)))
  if (gap >= 0 && keys.every(isNumber)) return `there are ${keys.length} and "${gap}" is not among them`
  return 'there is something else in it'
}

const unreadable = (path: string, problem: string): ModelError =>
  new ModelError('labels-unreadable', `${path}: ${problem}. Correct the file or take it away.`)
