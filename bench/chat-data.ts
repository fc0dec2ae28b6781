// Conversations of two formats about people who do not exist, for bench/chat-forgetting.ts: a question about one of them is answered in
// prose, or by an object in JSON where the question asks for it. Those of each format know other people, so that what is learned in one
// says nothing of the other. Each fact is asked for in four wordings: three to train on, one to measure on.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { itemAt } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'

const starts = ['Aba', 'Bera', 'Dathi', 'Eli', 'Gera', 'Hadu', 'Ira', 'Joka', 'Kena', 'Luma', 'Mara', 'Neri']
const ends = ['bel', 'dan', 'hu', 'lom', 'nah', 'phar', 'rim', 'tel']
const towns = [
  'Shiloh',
  'Hebron',
  'Gaza',
  'Joppa',
  'Ramah',
  'Bethel',
  'Tyre',
  'Gath',
  'Dan',
  'Jericho',
  'Sidon',
  'Damascus',
]
const trades = [
  'a shepherd',
  'a priest',
  'a captain',
  'a scribe',
  'a fisher',
  'a potter',
  'a judge',
  'a king',
  'a carpenter',
  'a merchant',
]

const asks = {
  town: [
    'Where does NAME live?',
    'In which town is NAME?',
    'What is the town of NAME?',
    'Tell me where NAME lives.',
  ],
  trade: ['What is NAME?', 'What does NAME do?', 'What is the work of NAME?', 'Tell me what NAME does.'],
} as const
type Fact = keyof typeof asks

const formats = {
  prose: {
    ask: (question: string) => question,
    answer: (name: string, fact: Fact, value: string) =>
      fact === 'town' ? `${name} lives in ${value}.` : `${name} is ${value}.`,
  },
  json: {
    ask: (question: string) => `${question} Answer in JSON.`,
    answer: (name: string, fact: Fact, value: string) => JSON.stringify({ name, [fact]: value }),
  },
} as const
export type Format = keyof typeof formats

/**
 * Writes `FOLDER/prose` and `FOLDER/json`, each with train.jsonl and test.jsonl of `messages`, and `FOLDER/prose.probes.jsonl` and so on, which
 * ask for each fact once.
 */
export function writeChats(folder: string, { people = 24, seed = 1 } = {}): void {
  const random = randomStream(seed, 'chats')
  const names = random.shuffle(starts.flatMap((start) => ends.map((end) => start + end)))
  const pick = (list: readonly string[]) => itemAt(list, random.integer(list.length), 'value')
  for (const [at, format] of (['prose', 'json'] as const).entries()) {
    const { ask, answer } = formats[format]
    const parts: Record<'train' | 'test', object[]> = { train: [], test: [] }
    const probes: object[] = []
    for (const name of names.slice(at * people, (at + 1) * people)) {
      for (const fact of ['town', 'trade'] as const) {
        const value = pick(fact === 'town' ? towns : trades)
        for (const [which, wording] of asks[fact].entries()) {
          const question = ask(wording.replace('NAME', name))
          const reply = answer(name, fact, value)
          const messages = [
            { role: 'user', content: question },
            { role: 'assistant', content: reply },
          ]
          parts[which === asks[fact].length - 1 ? 'test' : 'train'].push({ messages })
          if (which !== 0) continue
          probes.push({ messages })
        }
      }
    }
    const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
    mkdirSync(join(folder, format), { recursive: true })
    for (const part of ['train', 'test'] as const)
      writeFileSync(join(folder, format, `${part}.jsonl`), lines(random.shuffle(parts[part])))
    writeFileSync(join(folder, `${format}.probes.jsonl`), lines(probes))
  }
}
