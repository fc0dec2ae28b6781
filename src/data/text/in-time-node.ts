import { Script } from 'node:vm'
import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'

/** Milliseconds that any texts may take, and what each 1,000 characters add: fifty times what slow tokenizers need. */
const leastTime = 10_000
const timePerThousand = 250

/** Runs what stands in a global; a time limit on it ends whatever it calls, regular expressions included. */
const script = new Script('globalThis[Symbol.for("holdfast.in-time")]()')
const place = Symbol.for('holdfast.in-time')

/**
 * Encodes texts with a tokenizer from a file, within a time limit: its regular expressions may take for ever on some texts.
 *
 * @param where What messages call the texts.
 * @throws DataError `tokenizer-endless` naming the text.
 */
export function encodedInTime<T extends string | readonly string[], R>(
  texts: readonly T[],
  encode: (text: T) => R,
  where: string,
  least = leastTime,
): R[] {
  const rows: R[] = []
  const length = texts.reduce((sum, text) => sum + lengthOf(text), 0)
  const timeout = Math.ceil(least + (length / 1000) * timePerThousand)
  const global = globalThis as { [place]?: (() => void) | undefined }
  const before = global[place]
  global[place] = () => {
    for (const text of texts) rows.push(encode(text))
  }
  try {
    script.runInThisContext({ timeout })
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'))
      throw cause
    const text = itemAt(texts, rows.length, 'text')
    throw new DataError(
      'tokenizer-endless',
      `${where}: the tokenizer did not come to an end within ${Math.ceil(timeout / 1000)} seconds on the text '${String(text).slice(0, 60)}'. A regular expression in tokenizer.json takes ever longer on such texts: correct it, or take another tokenizer.`,
      { cause },
    )
  } finally {
    global[place] = before
  }
  return rows
}

const lengthOf = (text: string | readonly string[]): number =>
  typeof text === 'string' ? text.length : text.reduce((sum, word) => sum + word.length, 0)
