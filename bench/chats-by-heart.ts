// What rehearsing a model's own shares is worth, by how well it knows by heart what is rehearsed.
//   nice node scripts/run.mjs bench/chats-by-heart.ts [--bases 40,80,120,200,500] [--seeds 1] [--at 0.75] [--people 24]
//     [--model FILE.onnx] [--folder .cache/chats]
// The tiny GPT learns conversations in prose (--bases: steps), and then others in JSON as `update` trains all weights, with the old labels alone
// (`replay`) or the old model's shares beside them (`replay+distil`). Printed: what a token costs it before, in nats, of what is rehearsed
// and of other old conversations; and how many more bits these and new ones need so far on the way (--at), in %.
import { parseArgs } from 'node:util'
import type { TokenDocument } from '../src/data/documents/index.ts'
import { withWeights } from '../src/evaluate/index.ts'
import { rowLosses } from '../src/evaluate/row-losses.ts'
import { documentLosses, totalLoss } from '../src/measure/text-scores.ts'
import type { Model } from '../src/model/model.ts'
import { itemAt } from '../src/required.ts'
import { openTexts } from '../src/update/texts/text-context.ts'
import { openTextTrial } from '../src/update/texts/text-trial.ts'
import { type Chats, deployedModel, engine, readChats } from './chat-lessons.ts'

const { values } = parseArgs({
  options: {
    bases: { type: 'string', default: '40,80,120,200,500' },
    seeds: { type: 'string', default: '1' },
    at: { type: 'string', default: '0.75' },
    people: { type: 'string', default: '24' },
    model: { type: 'string', default: '../shared/models/tiny-gpt/past/model.onnx' },
    folder: { type: 'string', default: '.cache/chats' },
  },
})

const data = await readChats(values)
const { prose, json } = data.chats
const kinds = { 'held out': prose.test, rehearsed: prose.train, new: json.test }

console.log('| steps | seed | method | nats rehearsed | held out | held out, % | rehearsed, % | new, % |')
console.log('|---:|---:|---|---:|---:|---:|---:|---:|')
for (const base of values.bases.split(',').map(Number)) {
  const deployed = await deployedModel(data, base)
  const before = await costs(data, deployed)
  for (const seed of values.seeds.split(',').map(Number)) {
    for (const method of ['replay', 'replay+distil']) {
      const after = await costs(data, await between(deployed, method, seed))
      const changes = before.map((cost, at) => (100 * (itemAt(after, at, 'cost') / cost - 1)).toFixed(1))
      const [heldOut = 0, rehearsed = 0] = before
      console.log(
        `| ${[base, seed, method, rehearsed.toPrecision(2), heldOut.toPrecision(2), ...changes].join(' | ')} |`,
      )
    }
  }
}

/** Nats a token of each kind of conversations. */
async function costs({ pack }: Chats, model: Model): Promise<readonly number[]> {
  const found: number[] = []
  for (const [name, documents] of Object.entries<readonly TokenDocument[]>(kinds)) {
    const { nats, tokens } = totalLoss(documentLosses(await rowLosses(engine, model, pack(documents, name))))
    found.push(nats / tokens)
  }
  return found
}

/** The model so far on the way that an update of all its weights takes. */
async function between(model: Model, method: string, seed: number): Promise<Model> {
  const context = await openTexts({
    ...{ engine, model, seed, method, rungs: ['whole'] },
    rows: { length: data.length, tokenizer: data.tokenizer },
    data: { train: json.train, check: json.test, exemplars: prose.train, heldOut: prose.test },
    budget: { unit: 'relative', maxChange: 0.02 },
  })
  const trial = await openTextTrial(context, itemAt(context.rungs, 0, 'rung'))
  try {
    const way = await trial.train(() => undefined)
    const found = withWeights(model, await way.at(Number(values.at)))
    await way.dispose()
    return found
  } finally {
    await trial.dispose()
    await context.losses.dispose()
  }
}
