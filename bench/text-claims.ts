// Whether budgets that updates of a language model claim are kept: the tiny GPT, which knows the King James Bible, learns some of Python's
// documentation, again and again, with budgets, numbers of new documents and draws that differ. Half of the old test documents prove, the
// other half judges, and nothing else sees it.
//   nice node scripts/run.mjs bench/text-claims.ts [--updates 40] [--from 1] [--tokens 257] [--model FILE.onnx] [--out .cache/text-claims.jsonl] [--table]
// Documents are cut: those that are measured to their first --tokens tokens, new ones to 1,025, those to rehearse to 513; three passes. A finished update is a line of the file of --out; given again, only what is
// missing is run. One thread. Texts are HOLDFAST_DATA/text/kjv and .../python-docs.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packDocuments, type TokenDocument } from '../src/data/documents/index.ts'
import { readDocuments } from '../src/data/documents/index-files.ts'
import { readInputFiles } from '../src/data/sidecar-files.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { withWeights } from '../src/evaluate/index.ts'
import { rowLosses } from '../src/evaluate/row-losses.ts'
import { bitsPerByte, documentLosses, totalLoss } from '../src/measure/text-scores.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import { vocabularyOf, withTokenClasses } from '../src/model/language.ts'
import type { Model } from '../src/model/model.ts'
import { itemAt, present } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { documentPieces } from '../src/update/text-pack/document-pieces.ts'
import { updateTexts } from '../src/update/texts/index.ts'
import { keptLines } from './kept-lines.ts'
import { cpuSeconds } from './update-bench.ts'

const { values } = parseArgs({
  options: {
    updates: { type: 'string', default: '40' },
    from: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '257' },
    model: { type: 'string', default: '../shared/models/tiny-gpt/plain/model.onnx' },
    out: { type: 'string', default: '.cache/text-claims.jsonl' },
    table: { type: 'boolean' },
  },
})
const length = 128
/** One update, and what became of its claim on documents that nothing had seen. */
interface Claimed {
  readonly update: number
  readonly budget: number
  readonly documents: number
  readonly status: string
  /** Relative changes of old bits per byte: as announced with its bound, and on the documents that judge. */
  readonly announced: number
  readonly upper: number
  readonly judged: number
  /** Bits per byte of new test documents before and after. */
  readonly before: number
  readonly after: number
  readonly cpu: number
}
const { all: finished, add } = keptLines<Claimed>(values.out)

function table(): string {
  const rows = [...new Set(finished().map(({ budget }) => budget))].sort((a, b) => a - b)
  const percent = (value: number) => (100 * value).toFixed(2)
  const lines = rows.map((budget) => {
    const own = finished().filter((each) => each.budget === budget)
    const met = own.filter(({ status }) => status === 'met')
    const mean = (of: (each: Claimed) => number, among = own) =>
      among.reduce((sum, each) => sum + of(each), 0) / Math.max(1, among.length)
    return `| ${percent(budget)} | ${own.length} | ${met.length} | ${met.filter(({ judged }) => judged <= budget).length} | ${percent(mean(({ judged }) => judged, met))} | ${mean(({ before }) => before).toFixed(3)} → ${mean(({ after }) => after).toFixed(3)} | ${mean(({ cpu }) => cpu).toFixed(0)} |`
  })
  return [
    '| budget, % | updates | claimed | of these kept | change of old bits per byte, mean, % | new bits per byte | CPU s |',
    '|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n')
}

if (!values.table) {
  const engine = ortNode({ threads: 1 })
  const loaded = await loadModel(values.model)
  const tokenizer = present((await readInputFiles(values.model, loaded.model.input)).tokenizer, 'tokenizer')
  const folder = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'text')
  const firstOf = (document: TokenDocument, tokens: number): TokenDocument =>
    itemAt(documentPieces(document, tokens), 0, 'piece')
  const read = async (name: string) => {
    const { train = [], test = [] } = await readDocuments(join(folder, name), { tokenizer })
    return { train, test: test.map((document) => firstOf(document, Number(values.tokens))) }
  }
  const [old, fresh] = [await read('kjv'), await read('python-docs')]
  const score = async (model: Model, documents: readonly TokenDocument[]) => {
    const vocabulary = vocabularyOf(model)
    const { dataset } = packDocuments(documents, { name: 'measured', length, vocabulary, tokenizer })
    const losses = await rowLosses(engine, withTokenClasses(model), dataset)
    return bitsPerByte(totalLoss(documentLosses(losses)))
  }
  const first = Number(values.from)
  for (let update = first; update < first + Number(values.updates); update++) {
    if (finished().some((each) => each.update === update)) continue
    const random = randomStream(update, 'update')
    const budget = itemAt([0.005, 0.01, 0.02, 0.05], update % 4, 'budget')
    const documents = itemAt([10, 30], Math.floor(update / 4) % 2, 'number')
    const dealt = random.shuffle([...old.test])
    const judge = dealt.slice(0, Math.floor(dealt.length / 2))
    const unseen = random.shuffle([...fresh.test])
    const began = process.cpuUsage()
    const result = await updateTexts({
      ...{ engine, model: loaded.model, rows: { length, tokenizer }, seed: update, epochs: 3 },
      budget: { unit: 'relative', maxChange: budget },
      data: {
        train: random
          .shuffle([...fresh.train])
          .slice(0, documents)
          .map((document) => firstOf(document, 1025)),
        check: unseen.slice(0, 12),
        exemplars: random
          .shuffle([...old.train])
          .slice(0, 60)
          .map((document) => firstOf(document, 513)),
        heldOut: dealt.slice(judge.length),
      },
    })
    const cpu = cpuSeconds(began)
    const updated = withWeights(loaded.model, result.parameters)
    const [before, after] = [await score(loaded.model, judge), await score(updated, judge)]
    const claim = present(result.old?.claims[0], 'claim')
    const line: Claimed = {
      ...{ update, budget, documents, status: result.status },
      ...{ announced: claim.change, upper: claim.upper, judged: after / before - 1 },
      before: await score(loaded.model, unseen.slice(12)),
      after: await score(updated, unseen.slice(12)),
      cpu,
    }
    add(line)
  }
}
console.log(table())
