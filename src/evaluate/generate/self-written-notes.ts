import { count } from '../../count.ts'
import { tokensIn } from '../../data/documents/index.ts'
import { ModelError } from '../../errors.ts'
import type { SelfWritten } from './self-written-types.ts'

type Result = Omit<SelfWritten, 'notes'>

const why = ({ leftOut: { empty, repeating, duplicate } }: Result): string =>
  [
    [repeating, 'repeated themselves'],
    [empty, 'had no visible character'],
    [duplicate, 'had been written before'],
  ]
    .flatMap(([many, what]) => (many === 0 ? [] : [`${many} ${what}`]))
    .join(', ')

export function notesOf(name: string, wanted: number, result: Result): readonly string[] {
  const { documents, written, cached } = result
  const tokens = tokensIn(documents)
  const left = written - documents.length
  return [
    `${name} wrote ${count(written, 'text')}${left > 0 ? `, of which ${left} ${left === 1 ? 'is' : 'are'} left out (${why(result)})` : ''}; ${count(documents.length, 'text')} with ${count(tokens, 'token')} ${documents.length === 1 ? 'is' : 'are'} kept${documents.length < wanted ? `, where ${wanted} were wanted` : ''}.`,
    ...(cached
      ? []
      : [
          `${name} has no cache for what it has read, so all tokens were read again for each: an export with past_key_values writes many times as fast.`,
        ]),
  ]
}

export const nothingFit = (name: string, result: Result): ModelError =>
  new ModelError(
    'self-written-none',
    `Of ${count(result.written, 'text')} that ${name} wrote none can be kept: ${why(result)}. Try another temperature, give beginnings (in a configuration model.written.prompts), or name data that it was trained on.`,
  )
