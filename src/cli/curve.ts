import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import type { Engine } from '../engine/engine.ts'
import { UsageError } from '../errors.ts'
import { defaultConfidence } from '../measure/confidence.ts'
import { points } from '../measure/points.ts'
import {
  curveCsv,
  curvePage,
  curveSvg,
  curveText,
  textCurveCsv,
  textCurvePage,
  textCurveSvg,
  textCurveText,
} from '../report/index.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import {
  type CurveOptions,
  curveDefaults,
  curveTexts,
  curve as measureCurve,
  openPath,
  type TextCurveOptions,
} from '../update/path/index.ts'
import {
  type LoadedCurve,
  loadCurve,
  loadCurveModels,
  loadTextCurve,
  savePoint,
} from '../update/path/index-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { fromText, group, on, path, share } from './flags/index.ts'
import { checkModelEnding } from './model-ending.ts'
import { firstGiven, textFlagsIn } from './other-flags.ts'
import { checkPlaces } from './places.ts'
import {
  bindFlag,
  confidence,
  documentFlags,
  numbersFlag,
  outputFlag,
  readingFlags,
  readingOf,
  withDocumentFlags,
} from './shared-flags.ts'
import { oneTextBudget, textBudgetFlags, textBudgetOf } from './text-budget.ts'
import { defineVerb } from './verb.ts'

const { documents, paragraphs, overlap } = documentFlags

const settings = z
  .object({
    from: path('FROM').meta({
      argument: true,
      description: 'The model that the path begins at (.onnx or folder)',
    }),
    to: path('TO').meta({ argument: true, description: 'The model that it ends at: the same graph' }),
    ...group('Path', {
      old: path('DIR').optional().meta({ description: 'Old data: the test part, else all' }),
      new: path('DIR').optional().meta({ description: 'New data: the test part, else all' }),
      points: fromText(bounds.points())
        .default(curveDefaults.points)
        .meta({ description: 'How many, both ends among them' }),
      groups: on().meta({ description: 'Also take back each group of layers alone' }),
      maxDrop: share().optional().meta({
        description:
          'Budget to draw: a drop in old accuracy; of language models an increase in bits per byte on --old, as a share',
      }),
      ...textBudgetFlags,
      confidence: confidence()
        .default(defaultConfidence)
        .meta({ description: 'Of bounds, of language models' }),
    }),
    ...group('Output', {
      html: path('FILE.html').optional().meta({ description: 'Write a page there' }),
      svg: path('FILE.svg').optional().meta({ description: 'Write the plot there' }),
      csv: path('FILE.csv').optional().meta({ description: 'Write the points there, a line each' }),
      pick: fromText(z.number().min(0).max(1))
        .optional()
        .meta({ description: 'Write this point of the path, 0 to 1, to -o', hint: 'ALPHA' }),
      out: path('FILE.onnx').optional().meta({ description: 'With --pick: the file to write', alias: 'o' }),
    }),
    ...readingFlags,
    ...{ documents, paragraphs, overlap },
    ...numbersFlag,
    ...outputFlag,
    ...bindFlag,
  })
  .refine(oneTextBudget.holds, { error: oneTextBudget.error })
  .refine(({ pick, out }) => out === undefined || pick !== undefined, {
    error: '-o needs --pick ALPHA, the point to write.',
  })
  .refine(({ pick, out }) => pick === undefined || out !== undefined, {
    error: '--pick needs -o FILE.onnx, where to write the point.',
  })
  .refine((asked) => (asked.old ?? asked.new ?? asked.pick) !== undefined, {
    error:
      'holdfast curve needs data to look at: --old DIR, --new DIR or both. For example: holdfast curve model.onnx better.onnx --old old-test/ --new new-test/',
    params: { code: 'argument-missing' },
  })

/** `holdfast curve`: old against new accuracy, or bits per byte, along the path between two models. */
export const curve = defineVerb({
  name: 'curve',
  examples: [
    'holdfast curve model.onnx better.onnx --old old-test/ --new new-test/',
    'holdfast curve model.onnx better.onnx --old old-test/ --new new-test/ --groups --html curve.html',
    'holdfast curve gpt/ better/ --old old-texts/ --new new-texts/ --max-drop 2% --html curve.html',
    'holdfast curve model.onnx better.onnx --pick 0.7 -o chosen.onnx',
  ],
  settings,
  run: async (asked, { screen, command }, outputs) => {
    const { from, to, old, new: fresh, groups } = asked
    await checkPlaces(
      [
        { flag: 'FROM', path: from, is: 'model' },
        { flag: 'TO', path: to, is: 'model' },
        { flag: '--old', path: old, is: 'data' },
        { flag: '--new', path: fresh, is: 'data' },
        { flag: '--tokenizer', path: asked.tokenizer, is: 'data' },
      ],
      [
        { flag: '-o', path: asked.out, held: true },
        { flag: '--html', path: asked.html },
        { flag: '--svg', path: asked.svg },
        { flag: '--csv', path: asked.csv },
      ],
      outputs,
    )
    checkModelEnding(asked.out)
    const engine = engineFor(asked)
    const { output, bind, preprocessing, numbersArePositions } = asked
    const sources = {
      ...{ from, to, old, new: fresh, output, bind, preprocessing, numbersArePositions },
      reading: withDocumentFlags(readingOf(asked), { ...asked, pack: undefined }),
    }
    const models = await loadCurveModels(sources)
    refuseTextFlags(asked, models.texts)
    const loaded = models.texts
      ? await loadTextCurve(engine, sources, models)
      : await loadCurve(sources, models)
    sayNotes(loaded.notes, screen)
    const pick =
      asked.pick === undefined || asked.out === undefined ? undefined : { alpha: asked.pick, out: asked.out }
    const beside = pick ? (await writePick(engine, loaded, pick)).map((file) => `Written: ${file}`) : []
    if (old === undefined && fresh === undefined) {
      return {
        json: { schema: models.texts ? 'holdfast.curve-texts/1' : 'holdfast.curve/1', picked: pick ?? null },
        text: pick ? [pickedSentence(pick), ...beside].join('\n') : '',
      }
    }
    const options = {
      ...{ engine, from: loaded.from, to: loaded.to.model, old: loaded.old, new: loaded.new },
      ...{ stored: loaded.stored, pick: asked.pick, points: asked.points, groups },
      onPoint: (done: number, total: number) =>
        screen.progress({ label: 'curve', done, total, unit: 'points' }),
    }
    const found = models.texts
      ? await ofTexts(asked, options, command)
      : await ofClasses(asked, options, command)
    screen.draw([])
    const written: string[] = []
    for (const [file, content] of [
      [asked.html, found.page],
      [asked.svg, found.svg],
      [asked.csv, found.csv],
    ] as const) {
      if (file === undefined) continue
      await writeWhole(file, content())
      written.push(`Written: ${file}`)
    }
    return {
      json: {
        ...found.result,
        from,
        to,
        picked: pick ? { ...found.result.picked, ...pick } : null,
        notes: loaded.notes,
      },
      text: [found.text, ...(pick ? [pickedSentence(pick, found.picked)] : []), ...beside, ...written].join(
        '\n',
      ),
    }
  },
})

type Settings = z.output<typeof settings>

/** What is written of a curve, whatever the models are. */
interface Shown {
  readonly result: { readonly picked: object | null; readonly budget: number | null }
  readonly text: string
  /** What the picked point came to. */
  readonly picked: string
  page(): string
  svg(): string
  csv(): string
}

async function ofClasses(
  { from, to, maxDrop }: Settings,
  options: CurveOptions,
  command: string,
): Promise<Shown> {
  const ends = [from, to] as const
  const result = await measureCurve(options)
  const say = (name: string, value: number | null | undefined) =>
    value == null ? [] : [`${name} ${points(value, 2)} %`]
  return {
    result: { ...result, budget: maxDrop ?? null } as const,
    text: curveText(result, ends),
    picked: [...say('old', result.picked?.old), ...say('new', result.picked?.new)].join(', '),
    page: () => curvePage(result, ends, { command, maxDrop }),
    svg: () => curveSvg(result, ends, { maxDrop }),
    csv: () => curveCsv(result),
  }
}

async function ofTexts(asked: Settings, options: TextCurveOptions, command: string): Promise<Shown> {
  const ends = [asked.from, asked.to] as const
  const { confidence: sure } = asked
  const result = await curveTexts({ ...options, budget: textBudgetOf(asked), confidence: sure })
  const say = (name: 'old' | 'new') => {
    const score = result.picked?.[name]
    return score ? [`${name} ${score.bitsPerByte.toFixed(4)} bits per byte`] : []
  }
  return {
    result,
    text: textCurveText(result, ends),
    picked: [...say('old'), ...say('new')].join(', '),
    page: () => textCurvePage(result, ends, command),
    svg: () => textCurveSvg(result, ends),
    csv: () => textCurveCsv(result),
  }
}

/** @throws UsageError `curve-flag` for flags of language models where there are none. */
function refuseTextFlags(asked: Settings, texts: boolean): void {
  const flag = texts ? undefined : firstGiven(textFlagsIn(asked))
  if (flag === undefined) return
  throw new UsageError('curve-flag', `${flag} is for language models, and these are classifiers.`)
}

interface Pick {
  readonly alpha: number
  readonly out: string
}

/** @returns The files that were written beside it. */
async function writePick(
  engine: Engine,
  loaded: LoadedCurve,
  { alpha, out }: Pick,
): Promise<readonly string[]> {
  const path = await openPath(engine, loaded.from, loaded.to.model, loaded.stored)
  try {
    return await savePoint(out, loaded, path, alpha)
  } finally {
    await path.dispose()
  }
}

const pickedSentence = ({ alpha, out }: Pick, measured = ''): string =>
  `Written: ${out}, the point at alpha ${alpha}${measured === '' ? '' : `: ${measured}`}`
