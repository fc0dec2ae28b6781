import { z } from 'zod'
import { parseConfig } from '../config.ts'

/** The texts of the files that make a tokenizer, as they lie beside a model. */
export interface TokenizerFiles {
  /** tokenizer.json */
  readonly tokenizer: string
  /** tokenizer_config.json */
  readonly tokenizerConfig?: string | undefined
  /** config.json, for the model's longest input */
  readonly config?: string | undefined
  /** chat_template.jinja, which comes before what tokenizer_config.json says */
  readonly chatTemplate?: string | undefined
  /** The folder, named in errors. */
  readonly folder?: string | undefined
}

const named = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)])

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ type: z.string().optional(), unk_token: z.string().nullish() }),
  pre_tokenizer: z.looseObject({ type: z.string() }).nullish(),
  decoder: z.looseObject({ type: z.string() }).nullish(),
  padding: z.looseObject({ pad_id: z.int() }).nullish(),
})

const configSchema = z.looseObject({
  unk_token: named.nullish(),
  pad_token: named.nullish(),
  bos_token: named.nullish(),
  eos_token: named.nullish(),
  add_bos_token: z.boolean().nullish(),
  add_eos_token: z.boolean().nullish(),
  model_max_length: z.number().nullish(),
  truncation_side: z.enum(['left', 'right']).nullish(),
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .nullish(),
})

const modelSchema = z.looseObject({
  model_type: z.string().nullish(),
  max_position_embeddings: z.int().nullish(),
  n_positions: z.int().nullish(),
})

type ModelConfig = z.infer<typeof modelSchema>
type TokenizerConfig = z.infer<typeof configSchema>
export type TokenizerJson = z.infer<typeof tokenizerSchema>

/** What the files say, checked. */
export interface TokenizerSettings {
  readonly json: TokenizerJson
  readonly config: TokenizerConfig
  readonly model: ModelConfig
  readonly folder: string
  /** The chat template's text and the file that it is in. */
  readonly chat: { readonly source: string; readonly place: string } | undefined
}

/** @throws DataError `tokenizer-invalid` naming file and field. */
export function tokenizerSettings(files: TokenizerFiles): TokenizerSettings {
  const folder = files.folder ?? 'the tokenizer'
  const read = <T>(text: string, schema: z.ZodType<T>, name: string): T =>
    parseConfig(text, schema, `${folder}, ${name}`, 'tokenizer-invalid')
  const config = read(files.tokenizerConfig ?? '{}', configSchema, 'tokenizer_config.json')
  return {
    json: read(files.tokenizer, tokenizerSchema, 'tokenizer.json'),
    config,
    model: read(files.config ?? '{}', modelSchema, 'config.json'),
    folder,
    chat:
      files.chatTemplate === undefined
        ? configuredTemplate(config, `${folder}, tokenizer_config.json`)
        : { source: files.chatTemplate, place: `${folder}, chat_template.jinja` },
  }
}

/** Of several templates the one called default. */
function configuredTemplate({ chat_template: found }: TokenizerConfig, place: string) {
  if (found === undefined || found === null) return undefined
  const source = typeof found === 'string' ? found : found.find(({ name }) => name === 'default')?.template
  return source === undefined ? undefined : { source, place }
}

/** Larger limits mean "none" in a tokenizer_config.json. */
export const endless = 1_000_000

/** The most tokens that the model reads; undefined where no file says. */
export function lengthLimit(
  { config, model }: TokenizerSettings,
  pad: number | undefined,
): number | undefined {
  const configured = config.model_max_length
  const positions = model.max_position_embeddings ?? model.n_positions ?? undefined
  // RoBERTa and its kin number positions from the padding's id + 1 on.
  const lost = /roberta|camembert|longformer/.test(model.model_type ?? '') ? (pad ?? 0) + 1 : 0
  const limits = [
    ...(configured && configured < endless ? [configured] : []),
    ...(positions === undefined ? [] : [positions - lost]),
  ]
  return limits.length > 0 ? Math.min(...limits) : undefined
}
