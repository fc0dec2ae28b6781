import type { Engine } from '../engine/engine.ts'
import { interruptible } from '../engine/interruptible.ts'
import { UsageError } from '../errors.ts'
import { answersTokens } from '../evaluate/generate/index.ts'
import { rankNotes } from '../model/adapters/index.ts'
import { loadModel } from '../model/import/index-files.ts'
import { updateMarkdown } from '../report/update-markdown.ts'
import { updatePage } from '../report/update-page.ts'
import { preflightText, updateText } from '../report/update-text.ts'
import { present } from '../required.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { updateMeasurements } from '../train/tracking/index.ts'
import { extendFile, readTraffic } from '../update/pack/index-files.ts'
import { type Preflight, preflight } from '../update/preflight.ts'
import { settleProving } from '../update/proving.ts'
import { chooseMethod } from '../update/recipes/index.ts'
import { summarise, type UpdateSummary } from '../update/summary.ts'
import { openUpdate, type UpdateEvent, type UpdateOptions } from '../update/update.ts'
import { type LoadedUpdate, loadUpdate } from '../update/update-files.ts'
import { headSelection } from '../update/update-pack.ts'
import type { UpdateResult } from '../update/update-types.ts'
import {
  checkAdapterOf,
  checkCompanions,
  outputPath,
  writeAdapters,
  writeBaseline,
  writeUpdated,
} from '../update/update-writing-files.ts'
import { sayNotes } from './data-notes.ts'
import { engineFor } from './engine.ts'
import { tracked } from './tracking.ts'
import {
  checkUpdatePlaces,
  optionsOf,
  sourcesOf,
  type UpdateSettings,
  updateSettings,
} from './update-flags.ts'
import { updateByQueue } from './update-queue.ts'
import { followEvents, placeSentence, sayPreflight, updateAnswer } from './update-shown.ts'
import { updateLanguage } from './update-texts.ts'
import { refuseOtherFlags } from './update-texts-flags.ts'
import { type Answer, type Call, defineVerb, type Verb } from './verb.ts'
import { pageOrigin } from './write-report.ts'

/** `holdfast update`: a model learns new data inside a budget for what it may forget. */
export const update: Verb = defineVerb({
  name: 'update',
  examples: [
    'holdfast update model.onnx --new new/ --old old/ --max-drop 1% -o better.onnx',
    'holdfast update model.onnx --new new/ --keep model.keep --max-drop 1% -o better.onnx --report report.html',
    'holdfast update gpt/ --new manual/ --old texts/ --max-drop 2% -o better/',
    'holdfast update model.onnx --new new/ --old old/ --dry-run',
    'holdfast update model.onnx --new new/ --old old/ -o better.onnx --store /shared/runs --queue redis://queue.example.com',
  ],
  settings: updateSettings,
  run: async (asked, call, outputs) => {
    const began = performance.now()
    const { dryRun } = asked
    await checkUpdatePlaces(asked, outputs)
    if (asked.queue !== undefined) return updateByQueue(asked, call, update.facts, outputs)
    // Nothing of an update is kept half-way; a dry run is ended by Ctrl-C at once.
    const engine = dryRun ? engineFor(asked) : interruptible(engineFor(asked), call.signal)
    const base = sourcesOf(asked)
    const given = await loadModel(base.model, {
      ...{ output: base.output, bind: base.bind, batchNorm: base.batchNorm },
    })
    const texts = answersTokens(given.model)
    refuseOtherFlags(asked, texts)
    if (texts) return updateLanguage(asked, call, engine, given)
    const sources = {
      ...base,
      traffic: asked.traffic === undefined ? undefined : await readTraffic(asked.traffic),
    }
    const loaded = await loadUpdate({ ...sources, engine }, given)
    try {
      return await updateRows(asked, call, { engine, sources, loaded, began })
    } finally {
      loaded.close()
    }
  },
})

interface Read {
  readonly engine: Engine
  readonly sources: ReturnType<typeof sourcesOf>
  readonly loaded: LoadedUpdate
  /** When reading began, in milliseconds. */
  readonly began: number
}

/** The update of a classifier, read. */
async function updateRows(
  asked: UpdateSettings,
  call: Call,
  { engine, sources, loaded, began }: Read,
): Promise<Answer> {
  const { dryRun } = asked
  const how = optionsOf(asked)
  const { data, model, widened } = loaded
  if (!dryRun) await checkCompanions(present(asked.out, '-o'), loaded)
  if (asked.adapter !== undefined && loaded.learner.updates) throw noAdapter(asked.model)
  if (asked.adapter !== undefined && how.lora) checkAdapterOf(loaded, how.lora)
  const select = loaded.headOnly ? headSelection(present(asked.keep, 'the pack'), how) : undefined
  const facts = {
    exemplars: data.exemplars !== undefined,
    unlabelled: data.unlabelled !== undefined,
    added: widened !== model,
  }
  const method = chooseMethod(sources.method, facts)
  const { budget } = how
  // What the events go to is known once the run begins.
  let follow: (event: UpdateEvent) => void = () => {}
  const options: UpdateOptions = {
    ...how,
    engine,
    ...loaded.learner,
    select: select ?? how.select,
    data,
    method: method.name,
    signal: dryRun ? undefined : call.signal,
    onEvent: (event) => follow(event),
  }
  const proving = settleProving(options)
  const found = preflight({
    classes: loaded.classes,
    data: proving.data,
    method,
    budget,
    notes: [...loaded.notes, ...proving.notes, ...rankNotes(model, how.lora)],
  })
  const reading = (performance.now() - began) / 1000
  const run = await openUpdate(options)
  try {
    const known = {
      ...found,
      warnings: [...found.warnings, ...run.doubts],
      // To time every rung means to prepare it: that is for those who ask before they begin.
      cost: dryRun ? { ...(await run.estimate()), reading } : null,
    }
    if (dryRun)
      return { json: { schema: 'holdfast.preflight/1', ...known }, text: preflightText(known).join('\n') }
    sayPreflight(preflightText(known), call.screen)
    const result = await tracked(
      call,
      asked,
      { verb: 'update', name: `${asked.model} ${method.name}`, settings: asked },
      (tracker) => {
        follow = followEvents(call.screen, tracker, (event, wordsOf) =>
          updateMeasurements(event, wordsOf(event.trial)),
        )
        return run.run()
      },
    )
    call.screen.draw([])
    const summary = summarise(result, budget, (performance.now() - began) / 1000)
    return await answer(asked, call, { loaded, result, summary, known, options })
  } finally {
    await run.dispose()
  }
}

const noAdapter = (model: string): UsageError =>
  new UsageError(
    'lora-packed',
    `${model} has layers of few bits (MatMulNBits, or MatMulInteger as quantize_dynamic writes it), whose updates are layers of the file that update writes, with the head in it as it was trained: an adapter would be one half of that. Leave --adapter out.`,
  )

interface Done {
  readonly loaded: LoadedUpdate
  readonly result: UpdateResult
  readonly summary: UpdateSummary
  readonly known: Preflight
  readonly options: UpdateOptions
}

/** Writes what was asked for, the model first. */
async function answer(
  asked: UpdateSettings,
  call: Call,
  { loaded, result, summary, known, options }: Done,
): Promise<Answer> {
  const { model: path, adapter } = asked
  const wanted = present(asked.out, '-o')
  const out = outputPath(wanted, result.status, asked.force)
  const { notes, beside } = await writeUpdated(out, loaded, result)
  sayNotes(notes, call.screen)
  if (adapter !== undefined && result.adapters) await writeAdapters(adapter, path, result)
  const files: readonly (readonly [string | undefined, (file: string) => Promise<void>])[] = [
    [asked.baseline, (file) => writeBaseline(file, options.engine, loaded, result)],
    [
      asked.keepOut === undefined ? undefined : outputPath(asked.keepOut, result.status, asked.force),
      (file) => extended(asked, call, known, { engine: options.engine, model: out, out: file }),
    ],
    [asked.markdown, (file) => writeWhole(file, updateMarkdown(summary, known))],
    [
      asked.report,
      (file) => writeWhole(file, updatePage(summary, known, { model: path, ...pageOrigin(call) })),
    ],
  ]
  const written = [out, ...beside, ...(adapter === undefined || !result.adapters ? [] : [adapter])]
  for (const [file, write] of files) {
    if (file === undefined) continue
    await write(file)
    written.push(file)
  }
  const text = updateText(summary, placeSentence(out, wanted, result))
  return updateAnswer(summary, { known, text, written, adapter })
}

/** The pack of the model that was written. */
async function extended(
  asked: UpdateSettings,
  call: Call,
  known: Preflight,
  written: { readonly engine: Engine; readonly model: string; readonly out: string },
): Promise<void> {
  const { output, preprocessing, reading, numbersArePositions } = sourcesOf(asked)
  const { notes } = await extendFile(present(asked.keep, 'the pack'), {
    ...written,
    data: asked.new,
    output,
    preprocessing,
    reading,
    numbersArePositions,
    seed: asked.seed,
  })
  sayNotes(notes, call.screen, known)
}
