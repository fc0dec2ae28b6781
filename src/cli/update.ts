import type { Engine } from '../engine/engine.ts'
import { UsageError } from '../errors.ts'
import type { LoraOptions } from '../model/lora.ts'
import { parseSelection } from '../model/select.ts'
import { updateMarkdown } from '../report/update-markdown.ts'
import { updatePage } from '../report/update-page.ts'
import { preflightText, updateText } from '../report/update-text.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { extendFile } from '../update/keep-files.ts'
import { preprocessingNames } from '../update/model-data-files.ts'
import { type Preflight, preflight } from '../update/preflight.ts'
import { summarise, type UpdateSummary } from '../update/summary.ts'
import { openUpdate, type UpdateEvent, type UpdateOptions } from '../update/update.ts'
import { type LoadedUpdate, loadUpdate } from '../update/update-files.ts'
import { chooseMethod, parseUpdateMethod } from '../update/update-method.ts'
import type { UpdateResult } from '../update/update-types.ts'
import { outputPath, writeAdapters, writeBaseline, writeUpdated } from '../update/update-writing-files.ts'
import type { Screen } from './screen.ts'
import { choiceOf, numberOf, shareOf, wholeOf } from './values.ts'
import { type Answer, type Call, engineFor, engineSettings, type Verb } from './verb.ts'

const exitCodes = { met: 0, 'not-met': 2, inconclusive: 3 } as const

/** `holdfast update`: a model learns new data inside a budget for what it may forget. */
export const update: Verb = {
  name: 'update',
  summary: 'Teach a model new data, with a budget for what it may forget',
  examples: [
    'holdfast update model.onnx --new new/ --old old/ --max-drop 1% -o better.onnx',
    'holdfast update model.onnx --new new/ --keep model.keep --max-drop 1% -o better.onnx --report report.html',
    'holdfast update model.onnx --new new/ --old old/ --dry-run',
  ],
  args: {
    model: {
      type: 'positional',
      description: 'an .onnx file, or a folder as transformers.js lays it out',
      required: true,
    },
    new: {
      type: 'string',
      description: 'New data; 20 % are held out where there is no test part',
      valueHint: 'DIR',
    },
    old: { type: 'string', description: 'Old data: rehearsed, and measured on', valueHint: 'DIR' },
    keep: { type: 'string', description: 'A retention pack instead of old data', valueHint: 'FILE.keep' },
    unlabelled: { type: 'string', description: 'Inputs without labels to distil on', valueHint: 'DIR' },
    'max-drop': {
      type: 'string',
      description: 'Drop in old accuracy allowed (default 1%)',
      valueHint: '1%|0.01|1pt',
    },
    confidence: { type: 'string', description: 'Of the bound on the drop (default 0.95)', valueHint: '0.95' },
    out: {
      type: 'string',
      alias: 'o',
      description: 'File or folder to write; only when the budget is met, see --force',
      valueHint: 'FILE.onnx',
    },
    force: { type: 'boolean', description: 'Write it there though the budget is not met' },
    'dry-run': { type: 'boolean', description: 'Say what was found and what it would cost, and stop' },
    method: {
      type: 'string',
      description: 'auto, replay, distil, ewc, any of these with +, none, joint (default auto)',
      valueHint: 'METHOD',
    },
    trials: {
      type: 'string',
      description: 'Trials at most, each with more protection (default 3)',
      valueHint: 'N',
    },
    epochs: { type: 'string', description: 'Passes over the new data (default 5)', valueHint: 'N' },
    batch: { type: 'string', description: 'New rows a step (default 32)', valueHint: 'N' },
    'learning-rate': {
      type: 'string',
      description: 'Default 1e-3, and 1e-4 where there are layer norms',
      valueHint: 'RATE',
    },
    lambda: { type: 'string', description: "Strength of EWC's penalty (default 1000)", valueHint: 'X' },
    train: {
      type: 'string',
      description: 'What trains: all, head, last:2, biases-norms or names (default all)',
      valueHint: 'SELECTION',
    },
    lora: { type: 'string', description: 'Train low-rank updates only', valueHint: 'RANK[:ALPHA]' },
    adapter: {
      type: 'string',
      description: 'With --lora: write the updates there, for PEFT',
      valueHint: 'DIR',
    },
    batchnorm: {
      type: 'string',
      description: 'fixed: statistics stay as deployed (default); train',
      valueHint: 'fixed|train',
    },
    preprocessing: {
      type: 'string',
      description: 'unit, mnist, stored, or default: as the data come',
      valueHint: 'KIND',
    },
    'numbers-are-positions': {
      type: 'boolean',
      description: 'Labels that are numbers mean places in the list of classes',
    },
    output: {
      type: 'string',
      description: 'The value that holds the logits, where the file does not tell',
      valueHint: 'VALUE',
    },
    report: { type: 'string', description: 'Write a page there', valueHint: 'FILE.html' },
    markdown: { type: 'string', description: 'Write Markdown there', valueHint: 'FILE.md' },
    'keep-out': {
      type: 'string',
      description: 'With --keep: write the pack of the new model there, extended by the new data',
      valueHint: 'FILE.keep',
    },
    baseline: {
      type: 'string',
      description: "Write the new model's predictions there, for the next gate",
      valueHint: 'FILE.jsonl',
    },
  },
  run: async (call) => {
    const began = performance.now()
    const asked = readFlags(call)
    const loaded = await loadUpdate(asked.sources)
    const { data, model, widened } = loaded
    const facts = {
      exemplars: data.exemplars !== undefined,
      unlabelled: data.unlabelled !== undefined,
      added: widened !== model,
    }
    const method = chooseMethod(asked.sources.method, facts)
    const { budget } = asked.options
    const found = preflight({
      classes: loaded.classes,
      data,
      method,
      budget,
      seed: asked.options.seed,
      notes: loaded.notes,
    })
    const engine = engineFor(engineSettings(call))
    const dryRun = call.on('dry-run')
    const options: UpdateOptions = {
      ...asked.options,
      engine,
      model,
      widened,
      data,
      method: method.method,
      ...(dryRun ? {} : { signal: call.signal }),
      onEvent: showEvents(call.screen),
    }
    const run = await openUpdate(options)
    try {
      const known = { ...found, cost: await run.estimate() }
      if (dryRun)
        return { json: { schema: 'holdfast.preflight/1', ...known }, text: preflightText(known).join('\n') }
      for (const line of preflightText(known)) {
        if (line.startsWith('warning: ')) call.screen.warn(line)
        else call.screen.say(line)
      }
      const result = await run.run()
      call.screen.draw([])
      const summary = summarise(result, budget, (performance.now() - began) / 1000)
      return await answer(call, { loaded, result, summary, known, options })
    } finally {
      await run.dispose()
    }
  },
}

interface Done {
  readonly loaded: LoadedUpdate
  readonly result: UpdateResult
  readonly summary: UpdateSummary
  readonly known: Preflight
  readonly options: UpdateOptions
}

/** Writes what was asked for, the model first. */
async function answer(call: Call, { loaded, result, summary, known, options }: Done): Promise<Answer> {
  const path = call.text('model') ?? ''
  const asked = call.text('out') ?? ''
  const out = outputPath(asked, result.status, call.on('force'))
  await writeUpdated(out, loaded, result)
  const adapter = call.text('adapter')
  if (adapter !== undefined) await writeAdapters(adapter, path, result)
  const files: readonly (readonly [string, (file: string) => Promise<void>])[] = [
    ['baseline', (file) => writeBaseline(file, options.engine, loaded, result)],
    ['keep-out', (file) => extended(call, options.engine, out, file)],
    ['markdown', (file) => writeWhole(file, updateMarkdown(summary, known))],
    [
      'report',
      (file) =>
        writeWhole(
          file,
          updatePage(summary, known, {
            model: path,
            command: call.command,
            created: new Date().toISOString().slice(0, 10),
          }),
        ),
    ],
  ]
  const written = [out, ...(adapter === undefined ? [] : [adapter])]
  for (const [flag, write] of files) {
    const file = call.text(flag)
    if (file === undefined) continue
    await write(file)
    written.push(file)
  }
  const others = written.slice(1).map((file) => `Written: ${file}`)
  return {
    json: { ...summary, preflight: known, written: { model: out, files: written.slice(1) } },
    text: [updateText(summary, placeSentence(out, asked)), ...others].join('\n'),
    exitCode: exitCodes[result.status],
  }
}

/** The pack of the model that was written. */
async function extended(call: Call, engine: Engine, model: string, out: string): Promise<void> {
  const { notes } = await extendFile(call.text('keep') ?? '', {
    engine,
    model,
    data: call.text('new') ?? '',
    out,
    output: call.text('output'),
    preprocessing: choiceOf('preprocessing', call.text('preprocessing'), preprocessingNames),
    numbersArePositions: call.on('numbers-are-positions'),
    ...given('seed', wholeOf('seed', call.text('seed'))),
  })
  for (const note of notes) call.screen.say(`note: ${note}`)
}

const placeSentence = (out: string, asked: string): string =>
  out === asked
    ? `Written: ${out}`
    : `Written: ${out}, and not ${asked}, as the budget is not shown to be kept (--force would).`

function readFlags(call: Call) {
  const fresh = call.text('new')
  if (fresh === undefined) {
    throw new UsageError(
      'argument-missing',
      'holdfast update needs new data: --new DIR. For example: holdfast update model.onnx --new new/ --old old/ --max-drop 1% -o better.onnx',
    )
  }
  if (call.text('out') === undefined && !call.on('dry-run')) {
    throw new UsageError(
      'argument-missing',
      'holdfast update needs a place for the new model: -o better.onnx (or --dry-run, to see what it would do).',
    )
  }
  if (call.text('old') !== undefined && call.text('keep') !== undefined) {
    throw new UsageError('flag-value', '--old and --keep both say what is old: give one of them.')
  }
  if (call.text('keep-out') !== undefined && call.text('keep') === undefined) {
    throw new UsageError('flag-value', '--keep-out extends a pack: it needs --keep FILE.keep.')
  }
  const lora = loraOf(call.text('lora'))
  if (call.text('adapter') !== undefined && !lora) {
    throw new UsageError('flag-value', '--adapter writes low-rank updates: it needs --lora RANK.')
  }
  const seed = wholeOf('seed', call.text('seed')) ?? 0
  const train = call.text('train')
  const confidence = numberOf('confidence', call.text('confidence'))
  const method = call.text('method')
  return {
    sources: {
      model: call.text('model') ?? '',
      fresh,
      old: call.text('old'),
      keep: call.text('keep'),
      unlabelled: call.text('unlabelled'),
      batchNorm: choiceOf('batchnorm', call.text('batchnorm'), ['fixed', 'train']),
      output: call.text('output'),
      preprocessing: choiceOf('preprocessing', call.text('preprocessing'), preprocessingNames),
      numbersArePositions: call.on('numbers-are-positions'),
      method: method === undefined ? undefined : parseUpdateMethod(method),
      seed,
    },
    options: {
      budget: {
        maxDrop: shareOf('max-drop', call.text('max-drop')) ?? 0.01,
        ...(confidence === undefined ? {} : { confidence }),
      },
      seed,
      ...given('trials', wholeOf('trials', call.text('trials'), 1)),
      ...given('epochs', wholeOf('epochs', call.text('epochs'), 1)),
      ...given('batchSize', wholeOf('batch', call.text('batch'), 1)),
      ...given('learningRate', numberOf('learning-rate', call.text('learning-rate'), 0)),
      ...given('lambda', numberOf('lambda', call.text('lambda'), 0)),
      ...given('select', train === undefined ? undefined : parseSelection(train)),
      ...given('lora', lora),
    },
  }
}

/** An option where it is given. */
const given = <K extends string, T>(name: K, value: T | undefined): { readonly [key in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: T }

/** `8`, or `8:16` for rank and alpha. */
function loraOf(text: string | undefined): LoraOptions | undefined {
  if (text === undefined) return undefined
  const [, rank, alpha] = /^(\d+)(?::(\d+(?:\.\d+)?))?$/.exec(text) ?? []
  if (rank !== undefined && Number(rank) > 0) {
    return { rank: Number(rank), ...(alpha === undefined ? {} : { alpha: Number(alpha) }) }
  }
  throw new UsageError(
    'flag-value',
    `--lora: expected a rank such as 8, or rank and alpha such as 8:16, found "${text}".`,
  )
}

/** A bar for each trial. */
function showEvents(screen: Screen): (event: UpdateEvent) => void {
  let began = performance.now()
  return (event) => {
    if (event.type === 'trial') began = performance.now()
    if (event.type !== 'progress') return
    const { trial, step, of } = event
    screen.progress({
      label: `trial ${trial + 1}`,
      done: step,
      total: of,
      rate: step / ((performance.now() - began) / 1000),
    })
  }
}
