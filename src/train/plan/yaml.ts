import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { LineOf } from '../../data/schema-problems.ts'
import { UsageError } from '../../errors.ts'

/** What a YAML file says, and where it says it. */
export interface YamlText {
  readonly value: unknown
  /** The line of a setting, counted from 1; of one that is not there, the line of what it would stand in. */
  readonly lineOf: LineOf
}

/**
 * Reads YAML, of which JSON is a part.
 *
 * @param path the file's name, for messages
 * @throws UsageError `config-syntax` with line and column.
 * @example const { value, lineOf } = yamlFromText('stream: {kind: split}', 'run.yaml')
 */
export function yamlFromText(text: string, path: string): YamlText {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'error', lineCounter })
  const [problem] = document.errors
  if (problem) {
    const [place] = problem.linePos ?? []
    throw new UsageError(
      'config-syntax',
      `${path}${place ? `, line ${place.line}, column ${place.col}` : ''}: this is no YAML: ${problem.message.split(/ at line |\n/)[0]}.`,
    )
  }
  return {
    value: resolved(document, path),
    lineOf: (place) => {
      const start = startOf(document.contents, place)
      return start === undefined ? undefined : lineCounter.linePos(start).line
    },
  }
}

/** Where in the text the deepest part of a place begins that is there. */
function startOf(contents: unknown, place: readonly PropertyKey[]): number | undefined {
  let node = contents
  let start = (contents as Node | null)?.range?.[0]
  for (const key of place) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      if (!pair) break
      start = (pair.key as Node).range?.[0] ?? start
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)]
      if (node === undefined) break
      start = (node as Node).range?.[0] ?? start
    } else break
  }
  return start
}

/** Aliases are resolved only here: one may be unknown, or all together stand for far more than the file says. */
function resolved(document: ReturnType<typeof parseDocument>, path: string): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(
      'config-syntax',
      `${path}: an alias (*name) cannot be put in: ${reason.replace(/\.$/, '')}. Write out what it stands for.`,
      { cause },
    )
  }
}
