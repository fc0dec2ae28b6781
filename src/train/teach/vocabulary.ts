import { z } from 'zod'
import { UsageError } from '../../errors.ts'

const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    vocab: z.union([z.record(z.string(), z.number()), z.array(z.tuple([z.string()], z.unknown()))]),
  }),
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })).optional(),
})

/** A model's tokenizer.json. */
export interface TokenizerText {
  /** What messages call the model. */
  readonly name: string
  readonly json: string
}

/** A language model, and how many logits it gives for a token. */
export interface LogitsOf {
  readonly name: string
  readonly logits: number
}

/** How many logits all of some models give: behind them some have padding. */
export const sharedLogits = (models: readonly Pick<LogitsOf, 'logits'>[]): number =>
  Math.min(...models.map(({ logits }) => logits))

/**
 * What is to be said of teachers whose logits are not as many as the student's: many files pad them, 50,304 for 50,257 tokens.
 *
 * @param known Tokens of the tokenizer that all share.
 * @throws UsageError `distil-classes` where one of the models does not know all of these.
 */
export function paddingNotes(
  teachers: readonly LogitsOf[],
  student: LogitsOf,
  known: number,
): readonly string[] {
  const all = [...teachers, student]
  if (all.every(({ logits }) => logits === student.logits)) return []
  const said = (value: number) => value.toLocaleString('en-US')
  const short = all.find(({ logits }) => logits < known)
  if (short) {
    const other = all.find(({ logits }) => logits !== short.logits) ?? student
    throw new UsageError(
      'distil-classes',
      `${short.name} gives ${said(short.logits)} logits for a token and ${other.name} ${said(other.logits)}, and the tokenizer has ${said(known)} tokens: more logits than tokens are padding that is left out, but fewer leave tokens that cannot be taught. Take a model that knows all of them.`,
    )
  }
  const shared = sharedLogits(all)
  return all
    .filter(({ logits }) => logits > shared)
    .map(
      ({ name, logits }) =>
        `${name} gives ${said(logits)} logits for a token, and the tokenizer has ${said(known)} tokens: ${
          name === student.name
            ? `nothing is taught of those behind the first ${said(shared)}`
            : `those behind the first ${said(shared)}, which all models have, are padding and left out of what is taught`
        }.`,
    )
}

/**
 * Tokens are taught by their numbers: a teacher's and a student's have to mean the same.
 *
 * @throws UsageError `distil-tokenizer` naming the first token that differs.
 */
export function refuseOtherTokens(teacher: TokenizerText, student: TokenizerText): void {
  if (teacher.json === student.json) return
  const [theirs, own] = [tokensOf(teacher), tokensOf(student)]
  const last = Math.max(...theirs.keys(), ...own.keys())
  for (let id = 0; id <= last; id++) {
    if (theirs.get(id) === own.get(id)) continue
    throw new UsageError(
      'distil-tokenizer',
      `${teacher.name} and ${student.name} do not cut texts to the same tokens: token ${id} is ${shown(theirs.get(id))} to the one and ${shown(own.get(id))} to the other (${theirs.size} and ${own.size} tokens). What a teacher says of a token can be taught only where both know it by one number: take a student with the teacher's tokenizer.`,
    )
  }
}

const shown = (token: string | undefined): string =>
  token === undefined ? 'none' : JSON.stringify(token.length > 40 ? `${token.slice(0, 40)}…` : token)

function tokensOf({ name, json }: TokenizerText): ReadonlyMap<number, string> {
  const read = tokenizerSchema.safeParse(JSON.parse(json))
  if (!read.success) {
    throw new UsageError(
      'distil-tokenizer',
      `The tokenizer.json of ${name} has no vocabulary that could be compared with another's: give teacher and student the same file.`,
    )
  }
  const { model, added_tokens: added = [] } = read.data
  const tokens = new Map<number, string>()
  const listed = Array.isArray(model.vocab)
    ? model.vocab.map(([token], id) => [token, id] as const)
    : Object.entries(model.vocab)
  for (const [token, id] of listed) tokens.set(id, token)
  for (const { id, content } of added) tokens.set(id, content)
  return tokens
}
