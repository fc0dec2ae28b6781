import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import type { Engine } from '../engine/engine.ts'
import { points } from '../measure/points.ts'
import { curvePage, curveSvg, curveText } from '../report/curve-text.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { type CurvePoint, curveDefaults, curve as measureCurve, openPath } from '../update/path/index.ts'
import { type LoadedCurve, loadCurve, savePoint } from '../update/path/index-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { fromText, group, on, path } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { bindFlag, numbersFlag, outputFlag, readingFlags, readingOf } from './shared-flags.ts'
import { defineVerb } from './verb.ts'

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
    }),
    ...group('Output', {
      html: path('FILE.html').optional().meta({ description: 'Write a page there' }),
      svg: path('FILE.svg').optional().meta({ description: 'Write the plot there' }),
      pick: fromText(z.number().min(0).max(1))
        .optional()
        .meta({ description: 'Write this point of the path, 0 to 1, to -o', hint: 'ALPHA' }),
      out: path('FILE.onnx').optional().meta({ description: 'With --pick: the file to write', alias: 'o' }),
    }),
    ...readingFlags,
    ...numbersFlag,
    ...outputFlag,
    ...bindFlag,
  })
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

/** `holdfast curve`: old against new accuracy along the path between two models. */
export const curve = defineVerb({
  name: 'curve',
  summary: 'Old against new accuracy on the path between two models',
  examples: [
    'holdfast curve model.onnx better.onnx --old old-test/ --new new-test/',
    'holdfast curve model.onnx better.onnx --old old-test/ --new new-test/ --groups --html curve.html',
    'holdfast curve model.onnx better.onnx --pick 0.7 -o chosen.onnx',
  ],
  settings,
  run: async (asked, { screen, command }) => {
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
        { flag: '-o', path: asked.out },
        { flag: '--html', path: asked.html },
        { flag: '--svg', path: asked.svg },
      ],
    )
    const engine = engineFor(asked)
    const { output, bind, preprocessing, numbersArePositions } = asked
    const reading = readingOf(asked)
    const loaded = await loadCurve({
      from,
      to,
      old,
      new: fresh,
      output,
      bind,
      preprocessing,
      numbersArePositions,
      reading,
    })
    sayNotes(loaded.notes, screen)
    const pick =
      asked.pick === undefined || asked.out === undefined ? undefined : { alpha: asked.pick, out: asked.out }
    if (pick) await writePick(engine, loaded, pick)
    if (old === undefined && fresh === undefined) {
      return {
        json: { schema: 'holdfast.curve/1', picked: pick ?? null },
        text: pick ? pickedSentence(pick) : '',
      }
    }
    const result = await measureCurve({
      engine,
      from: loaded.from,
      to: loaded.to.model,
      old: loaded.old,
      new: loaded.new,
      stored: loaded.stored,
      pick: asked.pick,
      points: asked.points,
      groups,
      onPoint: (done, total) => screen.progress({ label: 'curve', done, total, unit: 'points' }),
    })
    screen.draw([])
    const ends = [from, to] as const
    const written: string[] = []
    for (const [file, content] of [
      [asked.html, () => curvePage(result, ends, command)],
      [asked.svg, () => curveSvg(result, ends)],
    ] as const) {
      if (file === undefined) continue
      await writeWhole(file, content())
      written.push(`Written: ${file}`)
    }
    return {
      json: {
        ...result,
        from,
        to,
        picked: pick ? { ...result.picked, ...pick } : null,
        notes: loaded.notes,
      },
      text: [
        curveText(result, ends),
        ...(pick ? [pickedSentence(pick, result.picked ?? undefined)] : []),
        ...written,
      ].join('\n'),
    }
  },
})

interface Pick {
  readonly alpha: number
  readonly out: string
}

async function writePick(engine: Engine, loaded: LoadedCurve, { alpha, out }: Pick): Promise<void> {
  const path = await openPath(engine, loaded.from, loaded.to.model, loaded.stored)
  try {
    await savePoint(out, loaded, path, alpha)
  } finally {
    await path.dispose()
  }
}

const pickedSentence = ({ alpha, out }: Pick, point?: CurvePoint): string => {
  const figures = point
    ? ([
        ['old', point.old],
        ['new', point.new],
      ] as const)
    : []
  const measured = figures.flatMap(([name, value]) =>
    value === null ? [] : [`${name} ${points(value, 2)} %`],
  )
  return `Written: ${out}, the point at alpha ${alpha}${measured.length > 0 ? `: ${measured.join(', ')}` : ''}`
}
