import { z } from 'zod'
import { promptTokens } from '../update/answered-prompts-files.ts'
import { fromText, group, path } from './flags/index.ts'

/** The same prompts for every language model, for people to read. */
export const promptFlags = group('Prompts for language models', {
  prompts: path('FILE').optional().meta({
    description: 'Prompts that each model continues: lines of a .txt file, or rows with prompt or messages',
  }),
  promptTokens: fromText(z.int().min(1).max(4096))
    .optional()
    .meta({
      description: 'Tokens that an answer has at most',
      otherwise: String(promptTokens),
    }),
})

/** What those flags need of one another. */
export const promptsAsked = {
  holds: ({
    prompts,
    promptTokens: asked,
  }: {
    readonly prompts?: unknown
    readonly promptTokens?: unknown
  }) => asked === undefined || prompts !== undefined,
  error: '--prompt-tokens needs --prompts FILE, what is to be answered.',
} as const
