/**
 * Twelve monthly updates of one model. docs/tutorials/year.md tells the story.
 *
 *     node scripts/run.mjs examples/tutorials/year.ts [FOLDER [MONTHS]]
 */
import { type GateResult, mlp, readDataset } from '../../src/index.ts'
import { readings } from './readings.ts'
import { openShell } from './shell.ts'
import { trained } from './train.ts'

const shell = await openShell('year')
const months = Number(process.argv[3] ?? 12)
const begin = ['normal', 'worn-bearing', 'overheating', 'blocked']
/** States that the machines were first seen in, by month. */
const arrivals: Readonly<Record<number, string>> = { 3: 'unbalanced', 6: 'leaking', 9: 'starving' }

// January's release: a model, its pack, and its answers for a test set that stays as it is.
const model = mlp({ widths: [4, 32, 32, begin.length], classes: begin, seed: 1 })
shell.write('month-00/train.csv', readings({ classes: begin, perClass: 300, seed: 100 }))
shell.write('month-00/test.csv', readings({ classes: begin, perClass: 500, seed: 200 }))
const { train } = await readDataset(`${shell.folder}/month-00`, { classes: begin })
shell.write('model-00.onnx', await trained(model, train, { iterations: 400 }))
await shell.run('holdfast keep model-00.onnx --data month-00/ --budget 300 -o model-00.keep')
await shell.run('holdfast gate model-00.onnx model-00.onnx --data month-00/ --save-predictions golden.jsonl')

interface Month {
  readonly month: string
  readonly classes: number
  /** Accuracy on the month's own data. */
  readonly fresh: { readonly before: number; readonly after: number }
  /** Left out where the update found nothing to release. */
  readonly gate?: GateResult
}

let [released, classes] = ['00', begin]
const table: Month[] = []
for (let number = 1; number <= months; number++) {
  const month = String(number).padStart(2, '0')
  const arrived = arrivals[number]
  if (arrived) classes = [...classes, arrived]
  // Sensors age: each month they show a little more, or less, than when they were new.
  const drift = 0.1 * number
  shell.write(`month-${month}/train.csv`, readings({ classes, perClass: 80, seed: 100 + number, drift }))
  shell.write(`month-${month}/test.csv`, readings({ classes, perClass: 80, seed: 200 + number, drift }))

  const update = await shell.run(
    `holdfast update model-${released}.onnx --keep model-${released}.keep --new month-${month}/ --max-drop 2% --max-drop-total 5% --epochs 10 -o model-${month}.onnx --keep-out model-${month}.keep --json --quiet`,
    ...[0, 2, 3],
  )
  const row = { month, classes: classes.length, fresh: JSON.parse(update.stdout).new }
  if (update.code !== 0) {
    table.push(row)
    continue
  }
  const gate = await shell.run(
    `holdfast gate model-${released}.onnx model-${month}.onnx --data month-00/ --golden golden.jsonl --max-drop 2% --max-drop-total 5% --json`,
    ...[0, 2, 3],
  )
  table.push({ ...row, gate: JSON.parse(gate.stdout) })
  if (gate.code === 0) released = month
}
shell.close()

const points = (share: number | undefined) => (share === undefined ? '' : (100 * share).toFixed(2))
const rows = table.map(({ month, classes: count, fresh, gate }) => [
  month,
  count,
  points(fresh.before),
  points(fresh.after),
  points(gate?.accuracy.candidate),
  points(gate?.drop),
  points(gate?.upper),
  points(gate?.golden?.drop),
  points(gate?.golden?.upper),
  gate?.verdict ?? 'nothing to release',
])
const titles = [
  'month',
  'classes',
  'new before %',
  'new after %',
  'old %',
  'drop',
  'at most',
  'golden drop',
  'at most',
  'gate',
]
for (const cells of [titles, titles.map((_, at) => (at === 0 || at === 9 ? '---' : '---:')), ...rows]) {
  console.log(`| ${cells.join(' | ')} |`)
}
