// What recipes of an update of a language model come to before anything is proved: the tiny GPT was trained on the King James Bible, and
// learns some of Python's documentation. Bits per byte of new documents along the way, where the change on old test documents is known; and
// at the last point where that is at most 0.5, 2 and 5 %, which nobody can ship, as the documents themselves choose it.
//   node scripts/run.mjs bench/update-texts.ts [--new 10] [--check 5] [--proof 25] [--self-written 0] --runs whole:1.5e-3:0.25:3,…
// A run is rung:rate:share:passes[:method[:rank[:distillation weight[:batch]]]]; one thread. --self-written has the model write so many
// texts to rehearse in place of old ones.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readDocuments } from '../src/data/documents/index-files.ts'
import { readInputFiles } from '../src/data/sidecar-files.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { selfWrittenTexts } from '../src/evaluate/generate/index.ts'
import { bitsPerByte, type TextLoss, totalLoss } from '../src/measure/text-scores.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import { present } from '../src/required.ts'
import { openOldAnswers } from '../src/update/texts/old-answers.ts'
import { openTexts } from '../src/update/texts/text-context.ts'
import { through } from '../src/update/texts/text-looks.ts'
import { textLadder } from '../src/update/texts/text-rungs.ts'
import { openTextTrial } from '../src/update/texts/text-trial.ts'
import type { TextRungName, TextUpdateOptions } from '../src/update/texts/text-update-types.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: 'whole:1.5e-3:0.25:3' },
    new: { type: 'string', default: '10' },
    check: { type: 'string', default: '5' },
    proof: { type: 'string', default: '25' },
    'self-written': { type: 'string', default: '0' },
    model: { type: 'string', default: '../shared/models/tiny-gpt/past/model.onnx' },
  },
})
const engine = ortNode({ threads: 1 })
const { model } = await loadModel(values.model)
const tokenizer = present((await readInputFiles(values.model, model.input)).tokenizer, 'tokenizer.json')
const texts = (name: string) =>
  readDocuments(join(process.env.HOLDFAST_DATA ?? '../shared/data', 'text', name), { tokenizer })
const [old, fresh] = [await texts('kjv'), await texts('python-docs')]
const cpuSeconds = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}
const written = Number(values['self-written'])
const own = written > 0 ? await write(written) : undefined

const base: TextUpdateOptions = {
  ...{ engine, model, rows: { length: 128, tokenizer }, seed: 1 },
  budget: { unit: 'relative', maxChange: 0.02 },
  data: {
    train: fresh.train.slice(0, Number(values.new)),
    check: present(fresh.test, 'test part').slice(0, Number(values.check)),
    exemplars: own ?? old.train.filter((_, at) => at % 3 === 1),
    order: old.train.filter((_, at) => at % 100 === 0),
    heldOut: present(old.test, 'test part').slice(0, Number(values.proof)),
  },
}
const context = await openTexts(base)
const { check, proof } = context.before
const bits = (losses: readonly TextLoss[] | undefined) => bitsPerByte(totalLoss(present(losses, 'losses')))
console.log(`new ${bits(check).toFixed(3)}, old ${bits(proof).toFixed(3)} bits per byte before`)
for (const run of values.runs.split(',')) console.log(await measured(run))
await context.losses.dispose()

async function write(documents: number) {
  const began = process.cpuUsage()
  const found = await selfWrittenTexts(engine, model, tokenizer, { documents, tokens: 128, seed: 1 })
  console.log(`${found.documents.length} texts written, ${cpuSeconds(began).toFixed(0)} CPU s`)
  return found.documents
}

/** @param run As told above. */
async function measured(run: string): Promise<string> {
  const [rung, rate, share, epochs, method, rank, weight, batch] = run.split(':')
  const options: TextUpdateOptions = {
    ...{ ...context.options, learningRate: Number(rate), replayShare: Number(share), epochs: Number(epochs) },
    ...{ method: method || undefined, rungs: [rung as TextRungName] },
    ...(Number(rank) > 0 && { lora: { rank: Number(rank) } }),
    ...(Number(weight) > 0 && { methodOptions: { distillationWeight: Number(weight) } }),
    ...(Number(batch) > 0 && { batchSize: Number(batch) }),
  }
  const { rehearsed } = context.parts
  const began = process.cpuUsage()
  const trial = await openTextTrial(
    // Asked anew for each run: that is part of what a run takes.
    { options, parts: context.parts, answers: rehearsed && openOldAnswers(context.options, rehearsed.rows) },
    present(textLadder(options)[0], 'rung'),
  )
  const way = await trial.train(() => {})
  const seconds = cpuSeconds(began)
  const points = [{ alpha: 0, fresh: bits(check), change: 0 }]
  for (const alpha of [0.25, 0.5, 0.75, 1]) {
    const weights = await way.at(alpha)
    const on = async (rows: typeof context.parts.proof) =>
      bits(await context.losses.on(present(rows, 'rows'), weights))
    const change = (await on(context.parts.proof)) / bits(proof) - 1
    points.push({ alpha, fresh: await on(context.parts.check), change })
  }
  await way.dispose()
  await trial.dispose()
  const along = (of: 'fresh' | 'change') => through(points.map((each) => ({ x: each.alpha, y: each[of] })))
  const [freshAt, changeAt] = [along('fresh'), along('change')]
  const inside = [0.005, 0.02, 0.05].map((budget) => {
    const last = Array.from({ length: 201 }, (_, at) => at / 200).filter((alpha) => changeAt(alpha) <= budget)
    return freshAt(present(last.at(-1), 'point')).toFixed(3)
  })
  const end = present(points.at(-1), 'point')
  return `${run}: ${trial.settings.steps} steps, ${seconds.toFixed(0)} CPU s; at the end new ${end.fresh.toFixed(3)}, old ${(100 * end.change).toFixed(2)} %; new at 0.5, 2 and 5 %: ${inside.join(', ')}`
}
