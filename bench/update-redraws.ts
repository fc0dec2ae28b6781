import { cpus } from 'node:os'
import { join } from 'node:path'
import { concatenate, type Dataset } from '../src/data/dataset.ts'
import { chooseOfLabels } from '../src/data/memory/sampling.ts'
import { type Answers, openJudge } from '../src/evaluate/judge.ts'
import { dropTail } from '../src/measure/drop-test.ts'
import { followNorms } from '../src/model/adapters/index.ts'
import { widenHead } from '../src/model/heads/widen.ts'
import { loadModel } from '../src/model/import/files.ts'
import { itemAt, required } from '../src/required.ts'
import { type RandomStream, randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'
import { openBlend } from '../src/update/path/blend.ts'
import { sequenceOf } from '../src/update/path/decide.ts'
import { guessesAt } from '../src/update/path/guess.ts'
import {
  accuracyOf,
  flipsBetween,
  type Guess,
  predicted,
  settleOrder,
  testInOrder,
} from '../src/update/path/index.ts'
import { updateModel } from '../src/update/update.ts'
import { cifarUpdate, readCifar, TRAINED_PER_CLASS } from './cifar-rows.ts'
import { argument, exemplarsOf, percent, settingsFrom } from './update-bench.ts'

// How much of what an update ships hangs on which rows prove, and whether its claims hold: the trials of one update of update-cifar.ts, and then
// again and again other rows that order, choose and prove. Those that prove are drawn with replacement from held-out and test images together;
// these together are what a claim is true of, and 8,000 more drawn from them are a test set that has its own luck.
//
//   node scripts/run.mjs bench/update-redraws.ts --arrays ARRAYS --models OUT1,OUT2 [--redraws 200] [--proof 4000] [--max-drop 0.02,0.05]
//     [--time 150] [--threads 1]
const arrays = argument('arrays', '')
const { engine } = settingsFrom({ epochs: 0, learningRate: 0, maxDrop: 0 })
const budgets = argument('max-drop', '0.02,0.05').split(',').map(Number)
const [redraws, proofRows] = [Number(argument('redraws', '200')), Number(argument('proof', '4000'))]
const [ORDER, CHOOSE, JUDGE] = [200, 200, 8000]
const LEVEL = 0.05
const ALPHAS = [0, 0.25, 0.5, 0.75, 1]
const [train, test] = [await readCifar(arrays, 'train'), await readCifar(arrays, 'test')]

console.log(`${cpus()[0]?.model}, ${engine.options.threads} threads`)
for (const folder of argument('models', '').split(',')) await measure(folder)

/** Answers of one candidate weights for each pool of rows. */
interface Point {
  readonly trial: number
  readonly alpha: number
  readonly old: Answers
  readonly order: Answers
  readonly choose: Answers
  readonly fresh: Answers
}

async function measure(folder: string): Promise<void> {
  const { model } = await loadModel(join(folder, 'norms', 'model.onnx'))
  const { added, classes, old, known, fresh, ...rows } = cifarUpdate(model.classes, train)
  const pools = {
    old: concatenate([rows.oldHeldOut, known(test)], 'old'),
    order: known(train, 0, 250),
    choose: fresh(train, TRAINED_PER_CLASS),
    fresh: fresh(test),
  }
  const widened = widenHead(model, { classes: added, seed: 1 })
  const ends: { readonly start: ReadonlyMap<string, Tensor>; readonly end: ReadonlyMap<string, Tensor> }[] =
    []
  await updateModel({
    ...{ engine, model, widened, seed: 1, budget: { maxDrop: 0.05 }, time: Number(argument('time', '150')) },
    data: { ...rows, exemplars: exemplarsOf(old, 125, 1) },
    onEvent: (event) => {
      if (event.type === 'trained') ends.push({ start: event.start, end: event.parameters })
    },
  })
  const judge = openJudge(engine, model, model.classes.length)
  const before = { old: await judge.answersOnce(pools.old), order: await judge.answersOnce(pools.order) }
  await judge.dispose()
  const points: Point[] = []
  const after = openJudge(engine, followNorms(widened), classes.length)
  for (const [trial, { start, end }] of ends.entries()) {
    const still = [...end].every(([name, tensor]) => start.get(name) === tensor)
    const blend = await openBlend(engine, start, end)
    for (const alpha of still ? [1] : ALPHAS) {
      const weights = new Map([...widened.parameters, ...widened.buffers, ...(await blend.at(alpha))])
      const answers = (pool: Dataset) => after.answersOnce(pool, weights)
      points.push({
        ...{ trial, alpha, old: await answers(pools.old), order: await answers(pools.order) },
        ...{ choose: await answers(pools.choose), fresh: await answers(pools.fresh) },
      })
    }
    await blend.dispose()
  }
  await after.dispose()
  console.log(`${added.join('+')} (${folder}): ${ends.length} trials, ${points.length} points`)
  for (const oneLine of [false, true]) {
    for (const maxDrop of budgets) {
      const name = `budget ${percent(maxDrop)}, ${oneLine ? 'along one line' : 'all in one order'}`
      console.log(`  ${name}: ${await redrawn(points, before, { maxDrop, oneLine })}`)
    }
  }
}

/** What is shipped over many draws of the rows. */
async function redrawn(
  points: readonly Point[],
  before: Pick<Point, 'old' | 'order'>,
  { maxDrop, oneLine }: { readonly maxDrop: number; readonly oneLine: boolean },
): Promise<string> {
  const oldClasses = itemAt(before.old.logits.dims, 1, 'dim')
  const byKey = new Map(points.map((each) => [`${each.trial} ${each.alpha}`, each]))
  const at = ({ trial, alpha }: Guess) => required(byKey, `${trial} ${alpha}`, 'point')
  const shipped: { readonly drop: number; readonly seen: number; readonly gained: number }[] = []
  for (let draw = 0; draw < redraws; draw++) {
    const random = randomStream(draw, 'redraws')
    const [order, choose] = [
      chooseOfLabels(before.order.labels, ORDER / oldClasses, random),
      chooseOfLabels(itemAt(points, 0, 'point').choose.labels, CHOOSE / 2, random),
    ]
    const [prove, judged] = [
      drawn(before.old.labels.length, proofRows, random),
      drawn(before.old.labels.length, JUDGE, random),
    ]
    const guesses = points.flatMap(({ trial, alpha, ...of }) =>
      guessesAt({
        ...{ trial, alpha, oldClasses, shift: true, before: some(before.order, order) },
        ...{ old: some(of.order, order), fresh: some(of.choose, choose) },
      }),
    )
    const own = some(before.old, prove)
    const was = predicted(own, oldClasses, 0)
    const tested = await testInOrder(
      sequenceOf(guesses, { before: 0, oneLine }),
      async (guess) => {
        const now = predicted(some(at(guess).old, prove), oldClasses, guess.offset)
        const counts = flipsBetween(was, now, own.labels)
        const drop = (counts.negative - counts.positive) / counts.total
        return { guess, passes: dropTail(counts, maxDrop) <= LEVEL, inside: drop <= maxDrop }
      },
      (each) => each,
    )
    const settled = settleOrder(tested)
    if (!settled?.proven) {
      shipped.push({ drop: 0, seen: 0, gained: 0 })
      continue
    }
    const { guess } = itemAt(tested, settled.at, 'candidate')
    const right = (answers: Answers, offset: number) =>
      accuracyOf(predicted(answers, oldClasses, offset), answers.labels)
    const lost = (part: (answers: Answers) => Answers) =>
      right(part(before.old), 0) - right(part(at(guess).old), guess.offset)
    shipped.push({
      drop: lost((all) => all),
      seen: lost((all) => some(all, judged)),
      gained: right(at(guess).fresh, guess.offset),
    })
  }
  const mean = (of: (each: (typeof shipped)[number]) => number) =>
    shipped.reduce((sum, each) => sum + of(each), 0) / shipped.length
  const ranked = shipped.map(({ gained }) => gained).sort((a, b) => a - b)
  return `new ${percent(mean(({ gained }) => gained))}, one in twenty below ${percent(itemAt(ranked, Math.floor(ranked.length / 20), 'draw'))}; drop ${percent(mean(({ drop }) => drop))}; claims that are false ${percent(mean(({ drop }) => Number(drop > maxDrop)))}, seen broken on ${JUDGE} rows ${percent(mean(({ seen }) => Number(seen > maxDrop)))}`
}

function some({ logits, labels }: Answers, chosen: Int32Array): Answers {
  const width = itemAt(logits.dims, 1, 'dim')
  const data = new Float32Array(chosen.length * width)
  for (const [at, row] of chosen.entries())
    data.set(logits.data.subarray(row * width, (row + 1) * width), at * width)
  return {
    logits: float32([chosen.length, width], data),
    labels: chosen.map((row) => itemAt(labels, row, 'label')),
  }
}

/** Rows drawn with replacement. */
function drawn(count: number, of: number, random: RandomStream): Int32Array {
  return Int32Array.from({ length: of }, () => Math.floor(random.uniform() * count))
}
