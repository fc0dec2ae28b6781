/**
 * A gate that a model has to pass before it is merged. docs/tutorials/gate-in-ci.md tells the story.
 *
 *     node scripts/run.mjs examples/tutorials/gate-in-ci.ts [FOLDER]
 */
import { mlp, readDataset } from '../../src/index.ts'
import { readings } from './readings.ts'
import { openShell } from './shell.ts'
import { trained } from './train.ts'

const shell = await openShell('gate-in-ci')
const classes = ['normal', 'worn-bearing', 'overheating', 'blocked']
const rows = (perClass: number, seed: number, of: readonly string[] = classes) =>
  readings({ classes: of, perClass, seed })

// The model in production, a retraining on more data, and a hurried one that has seen four rows of one of the classes.
shell.write('old-test.csv', rows(500, 1))
const few = rows(4, 4, ['blocked']).split('\n').slice(1).join('\n')
const model = mlp({ widths: [4, 32, classes.length], classes, seed: 1 })
for (const [name, text] of [
  ['model', rows(200, 2)],
  ['careful', rows(300, 3)],
  ['hurried', rows(200, 4, classes.slice(0, 3)) + few],
] as const) {
  shell.write(`train/${name}.csv`, text)
  const { train } = await readDataset(`${shell.folder}/train/${name}.csv`, { classes })
  shell.write(`${name}.onnx`, await trained(model, train, { iterations: 300 }))
}

// On the day of the release: its answers are pinned.
await shell.run(
  'holdfast gate model.onnx model.onnx --data old-test.csv --max-drop 1% --save-predictions golden.jsonl',
)

// Two pull requests, as the job holds them.
const files = '--junit gate.xml --markdown gate.md --flips flips.jsonl'
const gate = `--data old-test.csv --golden golden.jsonl --max-drop 1% --max-drop-per-class 5% ${files}`
await shell.run(`holdfast gate model.onnx careful.onnx ${gate}`)
await shell.run(`holdfast gate model.onnx hurried.onnx ${gate}`, 2)

// Too few examples to tell: the same models on 40 rows a class.
shell.write('small-test.csv', rows(40, 5))
await shell.run('holdfast gate model.onnx careful.onnx --data small-test.csv --max-drop 1%', 3)

// Models that Holdfast cannot run, by their answers; and ten small steps down.
const answers = (wrong: number) =>
  Array.from({ length: 2000 }, (_, id) => {
    const label = classes[id % 4]
    return `${JSON.stringify({ id: `reading-${id}`, label, pred: id < wrong ? 'unknown' : label })}\n`
  }).join('')
for (let release = 0; release <= 3; release++)
  shell.write(`release-${release}.jsonl`, answers(40 + 10 * release))
for (const [release, exitCode] of [
  [1, 0],
  [2, 3],
  [3, 2],
] as const) {
  const pair = `release-${release - 1}.jsonl release-${release}.jsonl`
  await shell.run(`holdfast gate ${pair} --golden release-0.jsonl --max-drop 1%`, exitCode)
}
shell.close()
