/**
 * A classifier of what users want learns another domain. docs/tutorials/new-domain.md tells the story.
 * On three domains of CLINC150 and a fourth where HOLDFAST_DATA has them, else on a small made-up corpus.
 *
 *     node scripts/run.mjs examples/tutorials/new-domain.ts [FOLDER]
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { clincIntents, madeUpIntents, type Utterance } from './intents.ts'
import { openShell } from './shell.ts'

const shell = await openShell('new-domain')
const { HOLDFAST_DATA: data } = process.env
const { name, old, fresh } = data ? clincIntents(`${data}/clinc150`) : madeUpIntents()
const lines = (rows: readonly Utterance[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
for (const [folder, { train, test }] of Object.entries({ old, new: fresh })) {
  shell.write(`${folder}/train.jsonl`, lines(train))
  shell.write(`${folder}/test.jsonl`, lines(test))
}
console.log(`Texts: ${name}\n`)

// The model in production. Its vocabulary is made of all texts there are, labels or none: what it lacks no update can tell apart.
const seen = [...old.train, ...fresh.train].map(({ text }) => `${JSON.stringify({ text })}\n`)
shell.write('messages.jsonl', seen.join(''))
shell.write(
  'assistant.yaml',
  `stream: {kind: list, tasks: [{name: assistant, source: old}]}
data: {maxLength: 24, vocabulary: {size: 4000, texts: [messages.jsonl]}}
model: {kind: transformer, layers: 1, width: 64, heads: 2, feedForward: 128}
learningRate: 0.002
schedule: {kind: cosine}
batchSize: 32
epochs: 12
seed: 1
`,
)
await shell.run('holdfast learn assistant.yaml -o first')
cpSync(join(shell.folder, 'first/model'), join(shell.folder, 'assistant'), { recursive: true })

// At ship time.
await shell.run('holdfast keep assistant/ --data old/ --per-class 10 -o assistant.keep')

// Later: a new domain.
const settings = '--new new/ --max-drop 3% --epochs 12 --learning-rate 0.001'
await shell.run(
  `holdfast update assistant/ --keep assistant.keep ${settings} -o better/ --baseline next.jsonl`,
)
await shell.run('holdfast gate assistant/ better/ --data old/ --max-drop 3% --max-negative-flips 3%')
shell.close()
