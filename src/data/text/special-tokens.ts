import type { Tokenizer } from '@huggingface/tokenizers'
import { DataError } from '../../errors.ts'
import { encoded } from './encoded.ts'
import type { TokenizerSettings } from './tokenizer-settings.ts'

/** What stands around every text. */
export interface Frame {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/**
 * What the tokenizer puts before and behind every text: as its post-processor does, and then as `add_bos_token` and
 * `add_eos_token` of tokenizer_config.json say.
 *
 * @throws DataError `tokenizer-invalid` where it changes more than both ends.
 */
export function frameOf(
  tokenizer: Tokenizer,
  { config, folder }: TokenizerSettings,
  idOf: (token: string | null | undefined) => number | undefined,
): Frame {
  const { before, after } = processed(tokenizer, folder)
  const [bos, eos] = [idOf(config.bos_token), idOf(config.eos_token)]
  return {
    before: asked(before, bos, config.add_bos_token, (id) => [id, ...before]),
    after: asked(after, eos, config.add_eos_token, (id) => [...after, id]),
  }
}

function asked(
  ids: readonly number[],
  id: number | undefined,
  wanted: boolean | null | undefined,
  added: (id: number) => readonly number[],
): readonly number[] {
  if (id === undefined || wanted === undefined || wanted === null || ids.includes(id) === wanted) return ids
  return wanted ? added(id) : ids.filter((one) => one !== id)
}

/** Found out on a sample, as templates come in several forms. */
function processed(tokenizer: Tokenizer, folder: string): Frame {
  const sample = 'a'
  const whole = encoded(tokenizer, sample, true).ids
  const bare = encoded(tokenizer, sample, false).ids
  for (let start = 0; start + bare.length <= whole.length; start++) {
    if (bare.every((id, at) => whole[start + at] === id)) {
      const known = (ids: readonly (number | undefined)[]) => ids.filter((id) => id !== undefined)
      return { before: known(whole.slice(0, start)), after: known(whole.slice(start + bare.length)) }
    }
  }
  throw new DataError(
    'tokenizer-invalid',
    `${folder}, tokenizer.json: its post-processor changes more than special tokens at both ends of a text, which is not supported.`,
  )
}
