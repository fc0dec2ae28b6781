import { z } from 'zod'
import { told } from './kinds.ts'

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t' }

/**
 * Texts with commas between; `\n` is the end of a line, `\t` a tab, `\,` a comma and `\\` a backslash. Spaces count.
 *
 * @example texts() // --stop '\n\n,User:' gives ['\n\n', 'User:']
 */
export const texts = () =>
  told(z.array(z.string().min(1)).min(1), {
    hint: 'TEXT,…',
    expected: 'a text, or several with commas between',
    read: (text) =>
      (text.match(/(?:\\[\s\S]|[^,\\])+|\\$/g) ?? []).map((part) =>
        part.replace(/\\([\s\S])/g, (_, letter: string) => escapes[letter] ?? letter),
      ),
    write: (values) =>
      values.map((value) => value.replace(/[\\,]/g, '\\$&').replaceAll('\n', '\\n')).join(','),
  })
