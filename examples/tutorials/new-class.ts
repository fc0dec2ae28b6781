/**
 * A classifier of pictures learns a class that it does not have. docs/tutorials/new-class.md tells the story.
 *
 *     node scripts/run.mjs examples/tutorials/new-class.ts [FOLDER]
 */
import { cnn, readDataset } from '../../src/index.ts'
import { openShell } from './shell.ts'
import { drawSigns, side } from './signs.ts'
import { trained } from './train.ts'

const shell = await openShell('new-class')
const known = ['circle', 'cross', 'square', 'triangle']

// What is there when the story begins: pictures of four signs, and the model in production that tells them apart.
await drawSigns(`${shell.folder}/signs/train`, { classes: known, perClass: 100, seed: 1 })
await drawSigns(`${shell.folder}/signs/test`, { classes: known, perClass: 150, seed: 2 })
const model = cnn({ channels: [8, 16, 32], inputDims: [3, side, side], classes: known, seed: 1 })
const { train } = await readDataset(`${shell.folder}/signs`)
shell.write('model.onnx', await trained(model, train, { iterations: 300 }))

// At ship time.
await shell.run('holdfast keep model.onnx --data signs/ --budget 200 -o model.keep')

// Months later, signs/train is gone and a fifth sign has come.
await drawSigns(`${shell.folder}/new/train`, { classes: ['stripes'], perClass: 150, seed: 3 })
await drawSigns(`${shell.folder}/new/test`, { classes: ['stripes'], perClass: 60, seed: 4 })
const settings = '--new new/ --max-drop 3%'
await shell.run(`holdfast update model.onnx --keep model.keep ${settings} --dry-run`)
await shell.run(
  `holdfast update model.onnx --keep model.keep ${settings} -o better.onnx --report update.html`,
)
await shell.run('holdfast gate model.onnx better.onnx --data signs/ --max-drop 3% --markdown gate.md')
await shell.run('holdfast keep --extend model.keep --model better.onnx --data new/ -o next.keep')

// What fine-tuning on the new pictures alone would have done.
await shell.run(`holdfast update model.onnx ${settings} --method none -o tuned.onnx --force`, 3)
await shell.run('holdfast gate model.onnx tuned.onnx --data signs/ --max-drop 3%', 2)
shell.close()
