// Damages valid models, safetensors, configurations and tokenizers at random, and reads each, models are inspected and rewritten, too: all have to end soon, in a model or an error of ours.
//   node scripts/run.mjs scripts/fuzz-models.ts [--from 0] [--count 20000] [--seconds 5]
// Prints how they ended, and the numbers of those that did not as they should: each number is one file, always the same.
import { parseArgs } from 'node:util'
import {
  endingOf,
  endingOfTensors,
  endingOfText,
  fuzzedModel,
  fuzzedTensors,
  fuzzedText,
  fuzzedTexts,
} from '../test/fuzz-models.ts'

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '5' },
  },
})
const from = Number(values.from)
const until = from + Number(values.count)
const kinds: readonly { readonly name: string; readonly end: (number: number) => string }[] = [
  { name: 'model', end: (number) => endingOf(fuzzedModel(number)) },
  { name: 'safetensors', end: (number) => endingOfTensors(fuzzedTensors(number)) },
  ...fuzzedTexts.map((kind) => ({
    name: kind,
    end: (number: number) => endingOfText(kind, fuzzedText(kind, number)),
  })),
]

const found = new Map<string, number>()
const wrong: string[] = []
for (let number = from; number < until; number++) {
  for (const { name, end } of kinds) {
    const began = performance.now()
    // Written first, so that the file that hangs or fills the memory is known.
    if (process.stderr.isTTY) process.stderr.write(`\r${name} ${number}  `)
    let ending: string
    try {
      ending = end(number)
    } catch (problem) {
      ending = 'foreign error'
      wrong.push(`${name} ${number}: ${problem instanceof Error ? problem.stack : problem}`)
    }
    const seconds = (performance.now() - began) / 1000
    if (seconds > Number(values.seconds)) wrong.push(`${name} ${number}: ${seconds.toFixed(1)} s`)
    found.set(`${name} ${ending}`, (found.get(`${name} ${ending}`) ?? 0) + 1)
  }
}
for (const [ending, count] of [...found].sort(([, a], [, b]) => b - a)) console.log(`${count}\t${ending}`)
for (const line of wrong) console.log(line)
process.exitCode = wrong.length > 0 ? 1 : 0
