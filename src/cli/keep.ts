import { stat } from 'node:fs/promises'
import { UsageError } from '../errors.ts'
import { answersTokens } from '../evaluate/generate/index.ts'
import { loadModel } from '../model/import/index-files.ts'
import { keepDefaults, type PackBudget, summarisePack } from '../update/pack/index.ts'
import {
  extendFile,
  type KeepSources,
  keepFile,
  mergeFiles,
  readPack,
  readTraffic,
  type WrittenPack,
} from '../update/pack/index-files.ts'
import { packHoldsAt } from '../update/pack-container-files.ts'
import { mergeTextFiles } from '../update/text-pack/index-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { type KeepSettings, keepSettings } from './keep-flags.ts'
import { kilobytes, packText, sizeLine } from './keep-text.ts'
import { keepTexts, refuseOtherFlags, showTextPack, textAnswer } from './keep-texts.ts'
import { checkPlaces } from './places.ts'
import { readingOf } from './shared-flags.ts'
import { type Answer, type Call, defineVerb } from './verb.ts'

const [example, ...examples] = [
  'holdfast keep model.onnx --data old/ -o model.keep',
  'holdfast keep gpt/ --data texts/ -o gpt.keep',
  'holdfast keep --show model.keep',
  'holdfast keep --merge north.keep south.keep -o both.keep',
  'holdfast keep --extend model.keep --model better.onnx --data new/ -o next.keep',
] as const

/** `holdfast keep`: what must not be forgotten of a model and its data, in one file. */
export const keep = defineVerb({
  name: 'keep',
  examples: [example, ...examples],
  settings: keepSettings,
  run: async (asked, call, outputs) => {
    if (asked.show !== undefined) {
      await checkPlaces([{ flag: '--show', path: asked.show, is: 'pack' }])
      return showPack(asked.show)
    }
    if (asked.merge) {
      const out = outOf(asked)
      await checkPlaces(
        asked.models.map((path) => ({ flag: '--merge', path, is: 'pack' })),
        [{ flag: '-o', path: out, held: true }],
        outputs,
      )
      const [first] = asked.models
      const texts = first !== undefined && (await packHoldsAt(first)) === 'texts'
      return texts
        ? textAnswer(call, await mergeTextFiles(asked.models, out))
        : answer(call, await mergeFiles(asked.models, out))
    }
    const sources = sourcesOf(asked)
    const { model, data, out } = sources
    await checkPlaces(
      [
        { flag: 'MODEL', path: model, is: 'model' },
        { flag: '--data', path: data, is: 'data' },
        { flag: '--traffic', path: asked.traffic, is: 'file' },
        { flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
        { flag: '--extend', path: asked.extend, is: 'pack' },
      ],
      [{ flag: '-o', path: out, held: true }],
      outputs,
    )
    if (asked.out === undefined) await refuseOlder(out)
    const loaded = await loadModel(model, { output: asked.output, bind: asked.bind })
    const texts = answersTokens(loaded.model)
    refuseOtherFlags(asked, texts)
    if (texts) return keepTexts(asked, call, sources, loaded)
    const traffic = asked.traffic === undefined ? undefined : await readTraffic(asked.traffic)
    const wanted = { ...sources, traffic }
    return answer(
      call,
      asked.extend === undefined
        ? await keepFile(wanted, loaded)
        : await extendFile(asked.extend, wanted, loaded),
    )
  },
})

async function showPack(path: string): Promise<Answer> {
  if ((await packHoldsAt(path)) === 'texts') return showTextPack(path)
  const summary = summarisePack(await readPack(path))
  const { size } = await stat(path)
  return {
    json: { file: path, bytes: size, ...summary },
    text: `${packText(summary)}\n${sizeLine(size)}`,
  }
}

function answer(call: Call, { pack, file, bytes, seconds, notes }: WrittenPack): Answer {
  sayNotes(notes, call.screen)
  if (pack.data.some(({ synthetic }) => synthetic)) {
    call.screen.warn('note: synthetic digits drawn by Holdfast; this pack keeps nothing of real data.')
  }
  const summary = summarisePack(pack)
  return {
    json: { file, bytes, seconds, notes, ...summary },
    text: `${packText(summary)}\n\nWritten: ${file} (${kilobytes(bytes)}, ${seconds.toFixed(1)} s)`,
  }
}

function sourcesOf(asked: KeepSettings): KeepSources {
  const [word, extra] = asked.models
  const model = asked.model ?? word
  const { data } = asked
  if (model === undefined) {
    throw new UsageError('argument-missing', `holdfast keep needs a model (.onnx). For example: ${example}`)
  }
  if (extra !== undefined || (word !== undefined && word !== model)) {
    throw new UsageError(
      'argument-extra',
      `holdfast keep does not know what to do with "${extra ?? word}". For example: ${example}`,
    )
  }
  if (data === undefined) {
    throw new UsageError(
      'argument-missing',
      `holdfast keep needs the data that ${model} was trained on: --data DIR. For example: ${example}`,
    )
  }
  return {
    engine: engineFor(asked),
    model,
    data,
    out: outOf(asked, model),
    budget: budgetOf(asked),
    heldOutRows: asked.heldOut,
    heldOutActivations: asked.heldOutActivations,
    activationsAt: asked.activationsAt,
    private: asked.private,
    sumsOnly: asked.sumsOnly,
    expandHead: asked.expandHead,
    fisher: asked.fisher,
    numbersArePositions: asked.numbersArePositions,
    output: asked.output,
    bind: asked.bind,
    preprocessing: asked.preprocessing,
    reading: readingOf(asked),
    seed: asked.seed,
  }
}

/**
 * A pack that nobody named takes the place of none: it may be all that is left of data that are gone.
 *
 * @throws UsageError `out-exists`.
 */
async function refuseOlder(out: string): Promise<void> {
  const there = await stat(out).catch(() => undefined)
  if (there === undefined) return
  throw new UsageError(
    'out-exists',
    `${out} is there already, and may be all that is left of data that are gone. Name a new pack with -o FILE.keep; -o ${out} replaces this one.`,
  )
}

/** A new pack may be named for its model; one that goes on from another is named by whoever wants it. */
function outOf({ out, extend }: KeepSettings, model?: string): string {
  if (out !== undefined) return out
  if (model !== undefined && extend === undefined) return `${model.replace(/\.onnx$|\/+$/, '')}.keep`
  throw new UsageError('argument-missing', 'Which file is to be written? Say so with -o FILE.keep.')
}

/** Undefined where nothing was said: a new pack then takes the default, an extended one what it had. */
function budgetOf({ budget: rows, perClass, choose: asked }: KeepSettings): PackBudget | undefined {
  // For texts alone; refused before it could matter.
  const choose = asked === 'spread' ? undefined : asked
  if (rows === undefined && perClass === undefined && choose === undefined) return undefined
  const size = perClass === undefined ? { rows: rows ?? keepDefaults.rows } : { perClass }
  return { ...size, choose: choose ?? keepDefaults.choose }
}
