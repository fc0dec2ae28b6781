/**
 * A classifier of what users want learns another domain. docs/tutorials/new-domain.md tells the story.
 * On three domains of CLINC150 and a fourth where HOLDFAST_DATA has them, else on a small made-up corpus.
 *
 *     node scripts/run.mjs examples/tutorials/new-domain.ts [FOLDER]
 */
import { readDataset, readInputFiles, transformerEncoder, wordVocabulary } from '../../src/index.ts'
import { clincIntents, madeUpIntents, type Utterance } from './intents.ts'
import { openShell } from './shell.ts'
import { trained } from './train.ts'

const shell = await openShell('new-domain')
const { HOLDFAST_DATA: data } = process.env
const { name, old, fresh } = data ? clincIntents(`${data}/clinc150`) : madeUpIntents()
const lines = (rows: readonly Utterance[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
for (const [folder, { train, test }] of Object.entries({ old, new: fresh })) {
  shell.write(`${folder}/train.jsonl`, lines(train))
  shell.write(`${folder}/test.jsonl`, lines(test))
}
console.log(`Texts: ${name}\n`)

// The model in production: its folder holds what it takes to read a text. Its words come from all texts there are, labels or none.
const texts = [...old.train, ...fresh.train].map(({ text }) => text)
const tokenizer = wordVocabulary(texts, { size: 4000 })
shell.write('assistant/tokenizer.json', tokenizer)
const tokens = 24
const classes = [...new Set(old.train.map(({ label }) => label))]
const vocabulary = Object.keys(JSON.parse(tokenizer).model.vocab).length
const size = { layers: 1, width: 64, heads: 2, feedForward: 128, tokens, vocabulary }
const model = transformerEncoder({ ...size, classes, seed: 1 })
const { tokenizer: words } = await readInputFiles(`${shell.folder}/assistant/model.onnx`, model.input)
const { train } = await readDataset(`${shell.folder}/old`, { tokenizer: words, maxLength: tokens, classes })
const iterations = Math.ceil((old.train.length * 12) / 32)
shell.write('assistant/model.onnx', await trained(model, train, { iterations, learningRate: 0.002 }))

// At ship time.
await shell.run('holdfast keep assistant/ --data old/ --per-class 10 -o assistant.keep')

// Later: a new domain.
const settings = '--new new/ --max-drop 3% --epochs 12 --learning-rate 0.001'
await shell.run(
  `holdfast update assistant/ --keep assistant.keep ${settings} -o better/ --baseline next.jsonl`,
)
await shell.run('holdfast gate assistant/ better/ --data old/ --max-drop 3% --max-negative-flips 2%')
shell.close()
