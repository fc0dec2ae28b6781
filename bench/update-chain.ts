import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { holdfast } from './command.ts'
import { argument, percent } from './update-bench.ts'

// A text classifier that gets new intents three times, as a person would type it: learn, keep, and update three times with a budget for each
// update and one for all of them together. CLINC150: five domains, then one more each time.
//
//   npm run build && HOLDFAST_DATA=... node scripts/run.mjs bench/update-chain.ts OUT [--order 1] [--max-drop 1%] [--max-drop-total 2%] [--threads 1]
//
// The validation split is what is held out; the test split judges, and no command that trains or keeps is given it.
const out = process.argv[2]
if (out === undefined || out.startsWith('--')) throw new Error('usage: bench/update-chain.ts OUT [--order 1]')
const [maxDrop, maxDropTotal] = [argument('max-drop', '1%'), argument('max-drop-total', '2%')]
const threads = ['--threads', argument('threads', '1')]
const FIRST = 5
const STEPS = 3

const source = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'clinc150')
const domains = JSON.parse(await readFile(join(source, 'domains.json'), 'utf8')) as Record<string, string[]>
const names = randomStream(Number(argument('order', '1')), 'order').shuffle(Object.keys(domains))
const intentsOf = (chosen: readonly string[]) =>
  new Set(chosen.flatMap((name) => required(new Map(Object.entries(domains)), name, 'domain')))

/** Writes the texts of some domains: train and, of the validation split, what is held out; or the test split alone. */
async function folderOf(chosen: readonly string[], name: string, splits: Readonly<Record<string, string>>) {
  const folder = join(out as string, name)
  await mkdir(folder, { recursive: true })
  const intents = intentsOf(chosen)
  for (const [split, as] of Object.entries(splits)) {
    const lines = (await readFile(join(source, `${split}.jsonl`), 'utf8')).trim().split('\n')
    const kept = lines.filter((line) => intents.has((JSON.parse(line) as { label: string }).label))
    await writeFile(join(folder, `${as}.jsonl`), `${kept.join('\n')}\n`)
  }
  return folder
}

const given = { train: 'train', val: 'test' }
const before = names.slice(0, FIRST)
const old = await folderOf(before, 'old', given)
const judgeOld = await folderOf(before, 'judge-old', { test: 'test' })
await writeFile(
  join(out, 'holdfast.yaml'),
  [
    `stream: {kind: list, tasks: [{name: first, source: ${JSON.stringify(old)}}]}`,
    'model: {kind: transformer}',
    `iterations: ${argument('iterations', '1200')}`,
    'learningRate: 0.001',
    '',
  ].join('\n'),
)
const run = join(out, 'run')
const learned = holdfast(['learn', join(out, 'holdfast.yaml'), '--out', run, ...threads])
console.log(`learn: ${learned.cpuSeconds.toFixed(1)} CPU s`)
let model = join(run, 'model')
let pack = join(out, '0.keep')
holdfast(['keep', model, '--data', old, '-o', pack, ...threads])
const accuracy = (of: string, data: string): number => {
  const { json } = holdfast(['evaluate', of, '--data', data, ...threads])
  const [figures] = json.models as readonly { readonly labelled?: { readonly accuracy: number } }[]
  if (!figures?.labelled) throw new Error(`no accuracy of ${of}`)
  return figures.labelled.accuracy
}
const first = accuracy(model, judgeOld)
console.log(`${FIRST} domains: ${percent(first)} of the test split right`)
console.log(
  '| update | status | announced drop, at most | since the first, at most | new | first intents on the test split: drop | new on the test split | CPU s |',
)
console.log('|---:|---|---:|---:|---:|---:|---:|---:|')
for (let step = 1; step <= STEPS; step++) {
  const added = names.slice(FIRST + step - 1, FIRST + step)
  const fresh = await folderOf(added, `new-${step}`, given)
  const judgeNew = await folderOf(added, `judge-new-${step}`, { test: 'test' })
  const next = join(out, `model-${step}`)
  const packed = join(out, `${step}.keep`)
  const budget = ['--max-drop', maxDrop, '--max-drop-total', maxDropTotal]
  const { json, cpuSeconds } = holdfast([
    'update',
    model,
    '--new',
    fresh,
    '--keep',
    pack,
    ...budget,
    '-o',
    next,
    '--keep-out',
    packed,
    ...threads,
  ])
  const written = (json.written as { readonly model: string | null }).model
  if (written === null) throw new Error(`update ${step} wrote no model: ${JSON.stringify(json.written)}`)
  const told = json.old as {
    readonly drop: number
    readonly upper: number
    readonly claims: readonly { readonly name: string; readonly drop: number; readonly upper: number }[]
  }
  const total = told.claims.find(({ name }) => name === 'total') ?? told
  console.log(
    `| ${step}, ${added.join(', ')} | ${json.status} | ${percent(told.drop)}, ${percent(told.upper)} | ${percent(total.drop)}, ${percent(total.upper)} | ${percent((json.new as { after: number }).after)} | ${percent(first - accuracy(written, judgeOld))} | ${percent(accuracy(written, judgeNew))} | ${cpuSeconds.toFixed(1)} |`,
  )
  model = written
  pack = packed
}
