/**
 * A new class, and nothing is left of the old data. docs/tutorials/old-data-gone.md tells the story.
 *
 *     node scripts/run.mjs examples/tutorials/old-data-gone.ts [FOLDER]
 */
import { cnn, readDataset } from '../../src/index.ts'
import { openShell } from './shell.ts'
import { drawSigns, side } from './signs.ts'
import { trained } from './train.ts'

const shell = await openShell('old-data-gone')
const known = ['circle', 'cross', 'square', 'triangle']
const draw = (folder: string, perClass: number, seed: number, classes = known) =>
  drawSigns(`${shell.folder}/${folder}`, { classes, perClass, seed })

// The model in production. What it was trained on has been deleted, and no pack was made.
await draw('gone/train', 100, 1)
const model = cnn({ channels: [8, 16, 32], inputDims: [3, side, side], classes: known, seed: 1 })
const { train } = await readDataset(`${shell.folder}/gone`)
shell.write('model.onnx', await trained(model, train, { iterations: 300 }))

// Pictures of a new sign, with which all that can be done is to distil on them.
await draw('new/train', 150, 3, ['stripes'])
await draw('new/test', 60, 4, ['stripes'])
const settings = '--new new/'
await shell.run(`holdfast update model.onnx ${settings} -o alone.onnx`, 3)

// Pictures that nobody has labelled: the camera makes them by the thousand. Folders are not looked at.
await draw('camera', 100, 5)
await shell.run(`holdfast update model.onnx ${settings} --unlabelled camera/ -o distilled.onnx`, 3)

// An afternoon's labelling of other pictures shows what was lost,
await draw('labelled/test', 150, 6)
for (const candidate of ['alone', 'distilled']) {
  await shell.run(
    `holdfast gate model.onnx ${candidate}.unproven.onnx --data labelled/test/ --max-drop 3%`,
    2,
  )
}

// and with a few more to rehearse the budget is met.
await draw('labelled/train', 40, 7)
await shell.run(`holdfast update model.onnx ${settings} --old labelled/ --max-drop 3% -o better.onnx`)
shell.close()
