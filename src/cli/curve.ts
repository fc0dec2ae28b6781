import { UsageError } from '../errors.ts'
import { curvePage, curveSvg, curveText } from '../report/curve-text.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { preprocessingNames } from '../update/model-data-files.ts'
import { curve as measureCurve, openPath } from '../update/path/index.ts'
import { type LoadedCurve, loadCurve, savePoint } from '../update/path/index-files.ts'
import { numbersFlag, outputOfBothFlag, preprocessingFlag } from './shared-flags.ts'
import { choiceOf, numberOf, wholeOf } from './values.ts'
import { type Call, engineFor, engineSettings, type Verb } from './verb.ts'

/** `holdfast curve`: old against new accuracy along the path between two models. */
export const curve: Verb = {
  name: 'curve',
  summary: 'Old against new accuracy on the path between two models',
  examples: [
    'holdfast curve model.onnx better.onnx --old old-test/ --new new-test/',
    'holdfast curve model.onnx better.onnx --old old-test/ --new new-test/ --groups --html curve.html',
    'holdfast curve model.onnx better.onnx --pick 0.7 -o chosen.onnx',
  ],
  args: {
    from: {
      type: 'positional',
      description: 'the model that the path begins at (.onnx or folder)',
      required: true,
    },
    to: { type: 'positional', description: 'the model that it ends at: the same graph', required: true },
    old: { type: 'string', description: 'Old data: the test part, else all', valueHint: 'DIR' },
    new: { type: 'string', description: 'New data: the test part, else all', valueHint: 'DIR' },
    points: { type: 'string', description: 'How many, both ends among them (default 11)', valueHint: 'N' },
    groups: { type: 'boolean', description: 'Also take back each group of layers alone' },
    html: { type: 'string', description: 'Write a page there', valueHint: 'FILE.html' },
    svg: { type: 'string', description: 'Write the plot there', valueHint: 'FILE.svg' },
    pick: { type: 'string', description: 'Write this point of the path, 0 to 1, to -o', valueHint: 'ALPHA' },
    out: {
      type: 'string',
      alias: 'o',
      description: 'With --pick: the file to write',
      valueHint: 'FILE.onnx',
    },
    ...preprocessingFlag,
    ...numbersFlag,
    ...outputOfBothFlag,
  },
  run: async (call) => {
    const asked = readFlags(call)
    const engine = engineFor(engineSettings(call))
    const loaded = await loadCurve(asked.sources)
    const picked = asked.pick && (await writePick(engine, loaded, asked.pick))
    if (asked.sources.old === undefined && asked.sources.new === undefined) {
      return { json: { schema: 'holdfast.curve/1', picked }, text: pickedSentence(asked.pick) }
    }
    const result = await measureCurve({
      engine,
      from: loaded.from,
      to: loaded.to.model,
      old: loaded.old,
      new: loaded.new,
      points: asked.points ?? 11,
      groups: call.on('groups'),
      onPoint: (done, total) => call.screen.progress({ label: 'curve', done, total, unit: 'points' }),
    })
    call.screen.draw([])
    const ends = [asked.sources.from, asked.sources.to] as const
    const written: string[] = []
    for (const [flag, content] of [
      ['html', () => curvePage(result, ends, call.command)],
      ['svg', () => curveSvg(result, ends)],
    ] as const) {
      const file = call.text(flag)
      if (file === undefined) continue
      await writeWhole(file, content())
      written.push(`Written: ${file}`)
    }
    return {
      json: { ...result, from: ends[0], to: ends[1], picked: picked ?? null },
      text: [curveText(result, ends), ...(picked ? [pickedSentence(picked)] : []), ...written].join('\n'),
    }
  },
}

interface Pick {
  readonly alpha: number
  readonly out: string
}

async function writePick(
  engine: ReturnType<typeof engineFor>,
  loaded: LoadedCurve,
  { alpha, out }: Pick,
): Promise<Pick> {
  const path = await openPath(engine, loaded.from, loaded.to.model)
  try {
    await savePoint(out, loaded, path, alpha)
  } finally {
    await path.dispose()
  }
  return { alpha, out }
}

const pickedSentence = (pick: Pick | undefined): string =>
  pick ? `Written: ${pick.out}, the point at alpha ${pick.alpha}` : ''

function readFlags(call: Call) {
  const pick = numberOf('pick', call.text('pick'), 0)
  const out = call.text('out')
  if (pick !== undefined && pick > 1) {
    throw new UsageError('flag-value', `--pick: expected a share of the way from 0 to 1, found "${pick}".`)
  }
  if ((pick === undefined) !== (out === undefined)) {
    throw new UsageError(
      'flag-value',
      pick === undefined
        ? '-o needs --pick ALPHA, the point to write.'
        : '--pick needs -o FILE.onnx, where to write the point.',
    )
  }
  const sources = {
    from: call.text('from') ?? '',
    to: call.text('to') ?? '',
    old: call.text('old'),
    new: call.text('new'),
    output: call.text('output'),
    preprocessing: choiceOf('preprocessing', call.text('preprocessing'), preprocessingNames),
    numbersArePositions: call.on('numbers-are-positions'),
  }
  if (sources.old === undefined && sources.new === undefined && pick === undefined) {
    throw new UsageError(
      'argument-missing',
      'holdfast curve needs data to look at: --old DIR, --new DIR or both. For example: holdfast curve model.onnx better.onnx --old old-test/ --new new-test/',
    )
  }
  return {
    sources,
    points: wholeOf('points', call.text('points'), 2),
    pick: pick === undefined || out === undefined ? undefined : { alpha: pick, out },
  }
}
