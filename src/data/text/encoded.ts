import type { Tokenizer } from '@huggingface/tokenizers'

/** The library's encoding, whose declared types do not resolve under Node's rules. */
export function encoded(
  tokenizer: Tokenizer,
  text: string,
  special: boolean,
): { readonly ids: readonly (number | undefined)[]; readonly tokens: readonly string[] } {
  return tokenizer.encode(text, { add_special_tokens: special })
}
