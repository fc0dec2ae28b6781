import { processMemory } from '../data/machine-memory-node.ts'
import { type Prompt, readPrompts } from '../data/probes/index-files.ts'
import type { Engine } from '../engine/engine.ts'
import type { LoraOptions } from '../model/adapters/index.ts'
import { type LoadedModel, loadModel } from '../model/import/index-files.ts'
import {
  languagePreflightText,
  languageUpdateMarkdown,
  languageUpdatePage,
  languageUpdateText,
} from '../report/index.ts'
import { present } from '../required.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { textMeasurements } from '../train/tracking/index.ts'
import { answeredPrompts, pairedAnswers } from '../update/answered-prompts-files.ts'
import { parseUpdateMethod } from '../update/recipes/index.ts'
import { extendTextFile } from '../update/text-pack/index-files.ts'
import {
  assignTexts,
  openTextUpdate,
  summariseTexts,
  type TextPreflight,
  type TextRungName,
  type TextUpdateEvent,
  type TextUpdateOptions,
  type TextUpdateResult,
  type TextUpdateSummary,
  textPreflight,
  textRungNames,
} from '../update/texts/index.ts'
import { type LoadedTextUpdate, loadTextUpdate } from '../update/texts/index-files.ts'
import {
  checkCompanions,
  checkTextAdapter,
  outputPath,
  writeAdapters,
  writeUpdated,
} from '../update/update-writing-files.ts'
import { sayNotes, showWriting } from './data-notes.ts'
import { showKeeping } from './keep-texts.ts'
import { methodOptionsOf } from './method-flags.ts'
import { readingOf, withDocumentFlags } from './shared-flags.ts'
import { tracked } from './tracking.ts'
import { defaultTime, type UpdateSettings } from './update-flags.ts'
import { followEvents, placeSentence, sayPreflight, showEvents, updateAnswer } from './update-shown.ts'
import { updateBudgetOf } from './update-texts-flags.ts'
import type { Answer, Call } from './verb.ts'
import { pageOrigin } from './write-report.ts'

/** Teaches a language model new texts, once its file is loaded. */
export async function updateLanguage(
  asked: UpdateSettings,
  call: Call,
  engine: Engine,
  given: LoadedModel,
): Promise<Answer> {
  const began = performance.now()
  const { dryRun, adapter } = asked
  const budget = updateBudgetOf(asked)
  const lora: LoraOptions | undefined = asked.lora ?? (adapter === undefined ? undefined : {})
  const wanted = asked.prompts === undefined ? [] : await readPrompts(asked.prompts)
  const prompts = dryRun ? [] : wanted
  call.screen.stage('reading texts')
  const training = {
    ...{ rungs: rungsOf(asked), epochs: asked.epochs, batchSize: asked.batch, lora, select: asked.train },
  }
  const loaded = await loadTextUpdate(
    {
      ...{ engine, model: asked.model, fresh: asked.new, old: asked.old, keep: asked.keep },
      ...{ rank: lora?.rank, output: asked.output, bind: asked.bind },
      ...{ selfWritten: asked.selfWritten, replayShare: asked.replayShare, seed: asked.seed },
      ...{ time: asked.time, sample: dryRun },
      ...{ training, signal: dryRun ? undefined : call.signal, onWriting: showWriting(call.screen) },
      reading: withDocumentFlags(readingOf(asked), asked),
    },
    given,
  )
  if (!dryRun) await checkCompanions(present(asked.out, '-o'), loaded)
  if (adapter !== undefined && lora) checkTextAdapter(loaded, lora)
  // What the events go to is known once the run begins.
  let follow: (event: TextUpdateEvent) => void = showEvents(call.screen)
  const options: TextUpdateOptions = {
    ...{ engine, ...loaded.learner, ...training, budget, seed: asked.seed ?? 0 },
    time: timeLeft(asked, loaded),
    ...{ learningRate: asked.learningRate, replayShare: asked.replayShare },
    ...{ method: parseUpdateMethod(asked.method), methodOptions: methodOptionsOf(asked) },
    recompute: asked.recompute,
    memory: processMemory(),
    signal: dryRun ? undefined : call.signal,
    onEvent: (event) => follow(event),
  }
  // Documents become rows once.
  const parts = assignTexts(options)
  const preflight = (dealt: typeof parts) => textPreflight(options, { ...loaded, parts: dealt })
  // What does not go together is refused before anything is measured.
  const early = preflight(parts)
  const reading = (performance.now() - began) / 1000
  if (prompts.length > 0) call.screen.stage('answering prompts')
  const before = await answersOf(asked, engine, given, prompts)
  call.screen.stage('measuring the model as it is')
  const run = await openTextUpdate(options, parts)
  call.screen.draw([])
  try {
    const found = run.parts === parts ? early : preflight(run.parts)
    const known = {
      ...found,
      rungs: run.rungs,
      warnings: [...found.warnings, ...run.doubts],
      // To time every rung means to prepare it: that is for those who ask before they begin.
      cost: dryRun ? { ...(await run.estimate()), reading, writing: loaded.writing ?? null } : null,
    }
    if (dryRun) return { json: known, text: languagePreflightText(known).join('\n') }
    sayPreflight(languagePreflightText(known), call.screen)
    const result = await tracked(
      call,
      asked,
      { verb: 'update', name: `${asked.model} ${found.method.name}`, settings: asked },
      (tracker) => {
        follow = followEvents(call.screen, tracker, (event, wordsOf) =>
          event.type === 'measuring' ? undefined : textMeasurements(event, wordsOf(event.trial)),
        )
        return run.run()
      },
    )
    call.screen.draw([])
    const seconds = (performance.now() - began) / 1000
    const summary = summariseTexts(result, { doubts: run.doubts, seconds })
    return await answer(asked, call, { engine, loaded, result, summary, known, prompts, before })
  } finally {
    await run.dispose()
  }
}

/** Seconds for training: where it was said how many there are, less those that writing texts took. */
const timeLeft = ({ time }: UpdateSettings, { writing }: LoadedTextUpdate): number =>
  time === undefined ? defaultTime : Math.max(0, time - (writing?.seconds ?? 0))

const rungsOf = ({ rungs }: UpdateSettings): TextUpdateOptions['rungs'] =>
  rungs?.filter((name): name is TextRungName => (textRungNames as readonly string[]).includes(name))

interface Done {
  readonly engine: Engine
  readonly loaded: LoadedTextUpdate
  readonly result: TextUpdateResult
  readonly summary: TextUpdateSummary
  readonly known: TextPreflight
  /** With what the model answered before. */
  readonly prompts: readonly Prompt[]
  readonly before: readonly string[]
}

/** What a model answers to prompts, the likeliest token each time. */
const answersOf = (
  { tokenizer, promptTokens: maxTokens }: UpdateSettings,
  engine: Engine,
  model: LoadedModel,
  prompts: readonly Prompt[],
): Promise<readonly string[]> =>
  prompts.length === 0
    ? Promise.resolve([])
    : answeredPrompts(engine, model, prompts, { tokenizer, maxTokens })

/** Writes what was asked for, the model first. */
async function answer(
  asked: UpdateSettings,
  call: Call,
  { engine, loaded, result, summary, known, prompts, before }: Done,
): Promise<Answer> {
  const { model: path, adapter, keepOut, markdown, report, output, bind } = asked
  const wanted = present(asked.out, '-o')
  const out = outputPath(wanted, result.status, asked.force)
  const saved = await writeUpdated(out, loaded, result)
  sayNotes(saved.notes, call.screen)
  const written = [out, ...saved.beside]
  if (adapter !== undefined && result.adapters) {
    await writeAdapters(adapter, path, result)
    written.push(adapter)
  }
  if (keepOut !== undefined) {
    const file = outputPath(keepOut, result.status, asked.force)
    const { notes } = await extendTextFile(present(asked.keep, 'the pack'), {
      ...{ engine, model: out, data: asked.new, out: file, output: asked.output, bind: asked.bind },
      ...{ seed: asked.seed, reading: withDocumentFlags(readingOf(asked), asked) },
      onProgress: showKeeping(call.screen),
    })
    sayNotes(notes, call.screen, known)
    written.push(file)
  }
  // What the file answers that was written, as its users will have it.
  const renewed = result.chosen && prompts.length > 0 ? await loadModel(out, { output, bind }) : undefined
  const after = renewed ? await answersOf(asked, engine, renewed, prompts) : before
  const answered = pairedAnswers(prompts, before, after)
  if (markdown !== undefined) {
    await writeWhole(markdown, languageUpdateMarkdown(summary, known, answered))
    written.push(markdown)
  }
  if (report !== undefined) {
    await writeWhole(
      report,
      languageUpdatePage(summary, known, { model: path, ...pageOrigin(call), prompts: answered }),
    )
    written.push(report)
  }
  const text = languageUpdateText(summary, placeSentence(out, wanted, result), answered)
  return updateAnswer({ ...summary, prompts: answered }, { known, text, written, adapter })
}
