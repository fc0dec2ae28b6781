import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ended, holdfast } from '../command.ts'

/** A model, what it has learned, what it is to learn, and rows of both that no command but the last two is given. */
export interface Errand {
  readonly name: string
  /** The model's file or folder; what it writes goes beside it. */
  readonly model: string
  readonly old: string
  readonly fresh: string
  readonly judgeOld: string
  readonly judgeNew: string
  readonly maxDrop: string
  /** The new rows are all of classes that the model lacks: it has none of them right. */
  readonly addsClasses?: boolean | undefined
}

/**
 * One model the whole way: inspect, keep, update, gate with a golden baseline, and keep --extend, each as a person would
 * type it. Nothing is written over.
 *
 * @throws Error where a verb ends in another code than a verdict, with what it said.
 */
export async function walk(errand: Errand, folder: string): Promise<ReadonlyMap<string, Ended>> {
  const { model, old, fresh, judgeOld, judgeNew, maxDrop } = errand
  const at = (name: string): string => join(folder, name)
  await mkdir(folder, { recursive: true })
  const ends = new Map<string, Ended>()
  const run = (step: string, ...words: readonly string[]): Ended => {
    const ended = holdfast(words)
    ends.set(step, ended)
    return ended
  }
  run('inspect', 'inspect', model)
  run('keep', 'keep', model, '--data', old, '-o', at('model.keep'))
  const pinned = ['--max-drop', maxDrop, '--save-predictions', at('golden.jsonl')]
  run('golden', 'gate', model, model, '--data', judgeOld, ...pinned)
  const out = at(model.endsWith('.onnx') ? 'better/model.onnx' : 'better')
  await mkdir(join(out, '..'), { recursive: true })
  const update = ['--keep', at('model.keep'), '--max-drop', maxDrop, '-o', out, '--report', at('report.html')]
  const { json } = run('update', 'update', model, '--new', fresh, ...update)
  const better = writtenBy(json, out)
  const hold = ['--max-drop', maxDrop]
  run('gate', 'gate', model, better, '--data', judgeOld, ...hold, '--golden', at('golden.jsonl'))
  // Of classes that it has not, the old model has no answer to hold the new one to.
  run('gate-new', 'gate', errand.addsClasses ? better : model, better, '--data', judgeNew, ...hold)
  const joined = ['--model', better, '--data', fresh, '-o', at('next.keep')]
  run('extend', 'keep', '--extend', at('model.keep'), ...joined)
  await writeFile(at('ends.json'), JSON.stringify(Object.fromEntries(ends), null, 1))
  return ends
}

/** Where `update` put the model, which is not the name that was asked for where the budget is not shown to be kept. */
function writtenBy({ written }: Record<string, unknown>, out: string): string {
  const { model } = written as { readonly model?: string | null }
  if (typeof model !== 'string')
    throw new Error(`update wrote no model for ${out}: ${JSON.stringify(written)}`)
  return model
}
