import { writeFile } from 'node:fs/promises'
import { loadIds } from '../data/formats/index-files.ts'
import { UsageError } from '../errors.ts'
import { gateJunit } from '../report/gate-junit.ts'
import { gateMarkdown } from '../report/gate-markdown.ts'
import { gateText } from '../report/gate-text.ts'
import { type FlipRecord, flipRecords, type GateResult, gate as runGate } from '../update/gate/index.ts'
import { type GateInputs, loadGate } from '../update/gate/index-files.ts'
import { preprocessingNames } from '../update/model-data-files.ts'
import { outputOfBothFlag, preprocessingFlag } from './shared-flags.ts'
import { choiceOf, numberOf, shareOf } from './values.ts'
import { type Call, engineFor, engineSettings, type Verb } from './verb.ts'

const exitCodes = { pass: 0, fail: 2, inconclusive: 3 } as const

/** `holdfast gate`: may the new model replace the old one? */
export const gate: Verb = {
  name: 'gate',
  summary: 'Hold a new model against the old one: pass, fail or too little data',
  examples: [
    'holdfast gate model.onnx better.onnx --data old-test/ --max-drop 1%',
    'holdfast gate old.jsonl new.jsonl --max-drop 1% --max-negative-flips 0.5% --junit gate.xml --markdown gate.md',
  ],
  args: {
    baseline: {
      type: 'positional',
      description: 'the old model (.onnx) or its predictions (.jsonl, .csv)',
      required: true,
    },
    candidate: { type: 'positional', description: 'the new model or its predictions', required: true },
    data: {
      type: 'string',
      description: 'Data to evaluate models on: its test part, else all',
      valueHint: 'DIR',
    },
    'max-drop': {
      type: 'string',
      description: 'Drop in accuracy allowed (default 1%)',
      valueHint: '1%|0.01|1pt',
    },
    'max-drop-per-class': {
      type: 'string',
      description: 'Fail where a class is shown to have lost more',
      valueHint: '5%',
    },
    'max-drop-per-slice': {
      type: 'string',
      description: 'Fail where a slice is shown to have lost more',
      valueHint: '5%',
    },
    'max-negative-flips': {
      type: 'string',
      description: 'Fail where a larger share was right and is wrong now',
      valueHint: '0.5%',
    },
    'never-flip': {
      type: 'string',
      description: 'Ids, one a line, that must not turn from right to wrong',
      valueHint: 'ids.txt',
    },
    golden: {
      type: 'string',
      description: 'A pinned older model, or its predictions, to hold against too',
      valueHint: 'FILE',
    },
    'golden-max-drop': {
      type: 'string',
      description: 'Drop allowed against --golden (default --max-drop)',
      valueHint: '1%',
    },
    confidence: { type: 'string', description: 'Of each bound (default 0.95)', valueHint: '0.95' },
    ...preprocessingFlag,
    ...outputOfBothFlag,
    junit: { type: 'string', description: 'Write JUnit XML there', valueHint: 'FILE.xml' },
    markdown: { type: 'string', description: 'Write Markdown there', valueHint: 'FILE.md' },
    flips: { type: 'string', description: 'Write the flips there, one a line', valueHint: 'FILE.jsonl' },
    new: {
      type: 'string',
      description: 'New training data: --flips then names the nearest example',
      valueHint: 'DIR',
    },
    'save-predictions': {
      type: 'string',
      description: "Write the candidate's predictions there, for a later --golden",
      valueHint: 'FILE.jsonl',
    },
  },
  run: async (call) => {
    const options = await readOptions(call)
    const inputs = await loadGate({
      engine: engineFor(engineSettings(call)),
      baseline: call.text('baseline') ?? '',
      candidate: call.text('candidate') ?? '',
      golden: call.text('golden'),
      data: call.text('data'),
      preprocessing: choiceOf('preprocessing', call.text('preprocessing'), preprocessingNames),
      output: call.text('output'),
    })
    if (call.text('data') !== undefined && !inputs.dataset) {
      call.screen.warn('note: both sides are predictions, so --data was not read.')
    }
    if (inputs.dataset?.synthetic) {
      call.screen.warn('note: synthetic digits drawn by Holdfast; this verdict says nothing of real data.')
    }
    const result = runGate(inputs.baseline, inputs.candidate, { ...options, golden: inputs.golden })
    const written = await writeFiles(call, inputs, result)
    return {
      json: result,
      text: [gateText(result), ...written.map((file) => `Written: ${file}`)].join('\n'),
      exitCode: exitCodes[result.verdict],
    }
  },
}

async function readOptions(call: Call) {
  const confidence = numberOf('confidence', call.text('confidence'))
  const listed = call.text('never-flip')
  if (call.text('golden-max-drop') !== undefined && call.text('golden') === undefined) {
    throw new UsageError(
      'flag-value',
      '--golden-max-drop needs --golden, the older model it is held against.',
    )
  }
  if (call.text('new') !== undefined && call.text('flips') === undefined) {
    throw new UsageError('flag-value', '--new needs --flips, the file that names the nearest examples.')
  }
  return {
    maxDrop: shareOf('max-drop', call.text('max-drop')) ?? 0.01,
    maxDropPerClass: shareOf('max-drop-per-class', call.text('max-drop-per-class')),
    maxDropPerSlice: shareOf('max-drop-per-slice', call.text('max-drop-per-slice')),
    maxNegativeFlips: shareOf('max-negative-flips', call.text('max-negative-flips')),
    goldenMaxDrop: shareOf('golden-max-drop', call.text('golden-max-drop')),
    neverFlip: listed === undefined ? undefined : await loadIds(listed),
    confidence,
  }
}

async function writeFiles(call: Call, inputs: GateInputs, result: GateResult): Promise<string[]> {
  const flips = flipRecords(inputs.baseline, inputs.candidate)
  const { predictions } = inputs.candidate
  const wanted: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['junit', () => gateJunit(result)],
    ['markdown', () => gateMarkdown(result, flips)],
    ['flips', () => flipLines(call, inputs, flips)],
    [
      'save-predictions',
      () => lines(predictions.map(({ slices, ...rest }) => (slices ? { ...rest, slice: slices } : rest))),
    ],
  ]
  const written: string[] = []
  for (const [flag, content] of wanted) {
    const file = call.text(flag)
    if (file === undefined) continue
    await writeFile(file, await content())
    written.push(file)
  }
  return written
}

async function flipLines(call: Call, inputs: GateInputs, flips: readonly FlipRecord[]): Promise<string> {
  const fresh = call.text('new')
  const nearest = fresh === undefined ? [] : await inputs.nearestNew(fresh, flips)
  return lines(
    flips.map((flip, at) => ({
      ...flip,
      input: inputs.inputOf(flip.id),
      ...(fresh === undefined ? {} : { nearestNew: nearest[at] }),
    })),
  )
}

const lines = (records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')
