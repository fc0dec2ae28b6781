import { text as readAll } from 'node:stream/consumers'
import { z } from 'zod'
import { count } from '../count.ts'
import { bounds } from '../data/bounds.ts'
import { UsageError } from '../errors.ts'
import { type GenerationEnd, generateDefaults, type TextEnd } from '../evaluate/generate/index.ts'
import { type FileWriter, openWriterFile } from '../evaluate/generate/index-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { fromText, group, on, path, texts } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { bindFlag, outputFlag } from './shared-flags.ts'
import { print } from './stdout.ts'
import { type Call, type CommonSettings, defineVerb } from './verb.ts'

const settings = z
  .object({
    model: path('MODEL').meta({
      argument: true,
      description: 'An .onnx file of a decoder, or a folder with one',
    }),
    other: path('OTHER').optional().meta({
      argument: true,
      description: 'A second one, to be read beside the first: after an update, say',
    }),
    ...group('Prompt', {
      prompt: fromText(z.string().min(1)).optional().meta({
        description: 'The text to go on from; with --chat what the user says',
        otherwise: 'what comes through stdin',
        hint: 'TEXT',
      }),
      chat: on().meta({ description: "Answer as an assistant, by the tokenizer's chat template" }),
      system: fromText(z.string().min(1)).optional().meta({
        description: 'What the system says before the user, with --chat',
        hint: 'TEXT',
      }),
    }),
    ...group('Writing', {
      maxTokens: fromText(bounds.tokens())
        .default(generateDefaults.maxTokens)
        .meta({ description: 'Tokens that are written at most' }),
      temperature: fromText(bounds.fromZero()).optional().meta({
        description: 'Draw tokens at this temperature; 0 takes the likeliest',
        otherwise: '0, but 1 with --top-k or --top-p',
      }),
      topK: fromText(bounds.tokens())
        .optional()
        .meta({ description: 'Draw one of the likeliest so many tokens', otherwise: 'all' }),
      topP: fromText(bounds.topShare())
        .optional()
        .meta({ description: 'Draw one of the fewest tokens whose shares reach this sum', otherwise: '1' }),
      stop: texts().optional().meta({
        description: 'Texts that end it, beside the tokens that end a text or a turn; \\n ends a line',
        option: 'stops',
      }),
      cache: z.boolean().default(true).meta({
        description: 'Use the cache of keys and values where the file has one',
        negative: 'Read all tokens anew for each that is written',
      }),
    }),
    ...group('Model', {
      tokenizer: path('DIR').optional().meta({
        description: 'A folder with tokenizer.json',
        otherwise: "the model's",
      }),
    }),
    ...outputFlag,
    ...bindFlag,
  })
  .refine(({ chat, system }) => chat || system === undefined, {
    error: '--system is for conversations: give --chat, too.',
  })

type GenerateSettings = z.output<typeof settings> & CommonSettings

/** What was written with one model. */
interface Written extends TextEnd {
  readonly model: string
  readonly text: string
  /** Whether the file's cache was used. */
  readonly cached: boolean
  readonly seconds: number
}

/** `holdfast generate`: what a language model writes. */
export const generate = defineVerb({
  name: 'generate',
  examples: [
    'holdfast generate model.onnx --prompt "In the beginning"',
    'holdfast generate model.onnx better.onnx --chat --prompt "Who are you?" --temperature 0.7 --top-p 0.9',
  ],
  settings,
  run: async (asked, call) => {
    const { screen, signal } = call
    const paths = [asked.model, ...(asked.other === undefined ? [] : [asked.other])]
    await checkPlaces([
      { flag: 'MODEL', path: asked.model, is: 'model' },
      { flag: 'OTHER', path: asked.other, is: 'model' },
      { flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
    ])
    const prompt = asked.prompt ?? (await promptFromStdin())
    // What is wrong with the second is told before the first has written all.
    if (asked.other !== undefined) await (await openWith(asked.other, asked)).dispose()
    const written: Written[] = []
    for (const [at, path] of paths.entries()) {
      if (signal.aborted) break
      if (!asked.json && paths.length > 1) print(`${at > 0 ? '\n\n' : ''}== ${path}\n`)
      const one = await writeWith(path, prompt, asked, call)
      written.push(one)
      // On one screen the text has no line's end yet.
      if (!asked.json && !asked.quiet && process.stdout.isTTY) process.stderr.write('\n')
      screen.say(ending(one))
    }
    return { json: { prompt, written }, text: '', exitCode: signal.aborted ? 1 : 0 }
  },
})

const openWith = (path: string, asked: GenerateSettings): Promise<FileWriter> => {
  const { output, bind, tokenizer, cache } = asked
  return openWriterFile(engineFor(asked), path, { output, bind, tokenizer, cache })
}

async function writeWith(
  path: string,
  prompt: string,
  asked: GenerateSettings,
  { screen, signal }: Call,
): Promise<Written> {
  const writer = await openWith(path, asked)
  try {
    sayNotes(writer.notes, screen)
    const began = performance.now()
    const turns = [
      ...(asked.system === undefined ? [] : [{ role: 'system', content: asked.system }]),
      { role: 'user', content: prompt },
    ]
    const { maxTokens, temperature, topK, topP, seed, stop: stops } = asked
    const pieces = writer.write(asked.chat ? turns : prompt, {
      ...{ maxTokens, temperature, topK, topP, seed, stops, signal },
    })
    let text = ''
    for (;;) {
      const { done, value } = await pieces.next()
      if (done) {
        const seconds = (performance.now() - began) / 1000
        if (value.unwritten > 0) screen.warn(unwritten(writer, value))
        return { model: writer.file, text, ...value, cached: writer.cached, seconds }
      }
      text += value
      if (!asked.json) print(process.stdout.isTTY ? harmless(value) : value)
    }
  } finally {
    await writer.dispose()
  }
}

/** Control characters but the ends of lines and tabs. */
const CONTROLS = /(?![\n\t])\p{Cc}/gu

/** A terminal obeys control characters, whoever wrote them. */
const harmless = (text: string): string => text.replace(CONTROLS, '\uFFFD')

const reasons: Readonly<Record<GenerationEnd, string>> = {
  stop: 'the text came to its end',
  length: 'these are as many as were asked for (--max-tokens)',
  context: 'the model reads no more',
  aborted: 'it was stopped',
}

const unwritten = ({ file, known }: FileWriter, { unwritten: lost, tokens }: TextEnd): string =>
  `warning: ${lost} of the ${count(tokens, 'token')} that ${file} wrote are none of its tokenizer, which knows ${known}, and are no text: it is that of another model, or not all of it.`

const ending = ({ model, tokens, promptTokens, seconds, end, stop, cached }: Written): string =>
  `${model}: ${count(tokens, 'token')} after a prompt of ${promptTokens}, ${(tokens / Math.max(seconds, 1e-3)).toFixed(1)} a second${cached ? '' : ' without a cache'}; it ended as ${stop === undefined ? reasons[end] : `${JSON.stringify(stop)} came (--stop)`}.`

async function promptFromStdin(): Promise<string> {
  if (process.stdin.isTTY) {
    throw new UsageError(
      'argument-missing',
      'holdfast generate needs --prompt TEXT, or the text through stdin. For example: holdfast generate model.onnx --prompt "In the beginning"',
    )
  }
  return (await readAll(process.stdin)).replace(/\r?\n$/, '')
}
