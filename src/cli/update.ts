import type { Engine } from '../engine/engine.ts'
import { updateMarkdown } from '../report/update-markdown.ts'
import { updatePage } from '../report/update-page.ts'
import { preflightText, updateText } from '../report/update-text.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { updateMeasurements } from '../train/tracking/index.ts'
import { preprocessingNames } from '../update/model-data-files.ts'
import { extendFile } from '../update/pack/index-files.ts'
import { type Preflight, preflight } from '../update/preflight.ts'
import { chooseMethod } from '../update/recipes/index.ts'
import { summarise, type UpdateSummary } from '../update/summary.ts'
import { openUpdate, type UpdateEvent, type UpdateOptions } from '../update/update.ts'
import { type LoadedUpdate, loadUpdate } from '../update/update-files.ts'
import { headSelection } from '../update/update-pack.ts'
import type { UpdateResult } from '../update/update-types.ts'
import { outputPath, writeAdapters, writeBaseline, writeUpdated } from '../update/update-writing-files.ts'
import type { Screen } from './screen.ts'
import { tracked, trackingFlags } from './tracking.ts'
import { given, readUpdateFlags, updateArgs } from './update-flags.ts'
import { choiceOf, wholeOf } from './values.ts'
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
  args: { ...updateArgs, ...trackingFlags },
  run: async (call) => {
    const began = performance.now()
    const asked = readUpdateFlags(call)
    const engine = engineFor(engineSettings(call))
    const loaded = await loadUpdate({ ...asked.sources, engine })
    const { data, model, widened } = loaded
    const select = loaded.headOnly ? headSelection(asked.sources.keep ?? '', asked.options) : undefined
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
      notes: loaded.notes,
    })
    const dryRun = call.on('dry-run')
    // What the events go to is known once the run begins.
    let follow: (event: UpdateEvent) => void = () => {}
    const options: UpdateOptions = {
      ...asked.options,
      engine,
      ...loaded.learner,
      ...given('select', select ?? asked.options.select),
      data,
      method: method.method,
      ...(dryRun ? {} : { signal: call.signal }),
      onEvent: (event) => follow(event),
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
      const result = await tracked(
        call,
        { verb: 'update', name: `${asked.sources.model} ${method.name}`, settings: asked },
        (tracker) => {
          const show = showEvents(call.screen)
          follow = (event) => {
            show(event)
            const measurement = updateMeasurements(event)
            if (measurement) tracker.log(measurement)
          }
          return run.run()
        },
      )
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
  out === outputPath(asked, 'met')
    ? `Written: ${out}`
    : `Written: ${out}, and not ${asked}, as the budget is not shown to be kept (--force would).`

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
