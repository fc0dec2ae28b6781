/**
 * The ways against forgetting that the article names beside EWC, on the article's data in two tasks: LwF, online memory
 * replay, multi-task learning. One line a method: accuracy on the digits 0-4 and 5-9 after both were learned.
 *
 *     node scripts/run.mjs examples/neighbours.ts --scenario class                one linear layer, five epochs
 *     node scripts/run.mjs examples/neighbours.ts --scenario task --hidden 100    with a hidden layer
 *     node scripts/run.mjs examples/neighbours.ts --scenario domain --seeds 1,2,3 --quick
 *
 * Scenarios: class (ten answers), domain (five answers, 5-9 share those of 0-4), task (ten answers, the task is told).
 */
import { parseArgs } from 'node:util'
import {
  ewc,
  joint,
  learn,
  lwf,
  type Method,
  mlp,
  mnistNormalisation,
  mnistOrSynthetic,
  none,
  ortNode,
  replay,
  type Scenario,
  samples,
  sgd,
  splitStream,
  withPreprocessing,
} from '../src/index.ts'

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'class' },
    hidden: { type: 'string' },
    epochs: { type: 'string' },
    seeds: { type: 'string', default: '0' },
    quick: { type: 'boolean', default: false },
  },
})
const epochs = Number(values.epochs ?? (values.quick ? 1 : 5))
const seeds = values.seeds.split(',').map(Number)

const methods: readonly (readonly [string, () => Method])[] = [
  ['nothing: fine-tuning', () => none()],
  ['EWC, lambda 10', () => ewc({ lambda: 10 })],
  ['EWC, lambda 100', () => ewc({ lambda: 100 })],
  ['EWC, lambda 1000', () => ewc({ lambda: 1000 })],
  ['EWC, lambda 1e6, proximal', () => ewc({ lambda: 1e6, step: 'proximal' })],
  ['LwF', () => lwf({ temperature: 2 })],
  ['replay, 100 a class', () => replay({ perClass: 100 })],
  ['online replay, memory of 500', () => replay({ capacity: 500 })],
  ['multi-task', () => joint()],
]

const digits = await mnistOrSynthetic()
const stream = splitStream(
  withPreprocessing(digits.train, mnistNormalisation),
  withPreprocessing(digits.test, mnistNormalisation),
  { scenario: scenarioOf(values.scenario), classesPerTask: 5 },
)
const hidden = values.hidden === undefined ? [] : [Number(values.hidden)]
const widths = [784, ...hidden, stream.outputs]
const largest = Math.max(...stream.tasks.map(({ train }) => samples(train)))
const plan = {
  engine: ortNode(),
  settings: { optimiser: sgd({ momentum: 0.9 }) },
  iterations: epochs * Math.floor(largest / 64),
  batchSize: 64,
  learningRate: 0.01,
  resetOptimiser: true,
}

async function accuracies(method: Method, seed: number): Promise<readonly number[]> {
  const run = learn({ ...plan, model: mlp({ widths, seed }), stream, method, seed })
  for await (const event of run) if (event.type === 'finished') return event.record.matrix.at(-1) ?? []
  return []
}

console.log(
  `${digits.train.name}, ${stream.scenario}, ${widths.join('-')}, epochs: ${epochs}, seeds: ${seeds}`,
)
console.log('| method | 0-4 | 5-9 | mean |\n| --- | --- | --- | --- |')
for (const [name, create] of methods) {
  let sums = [0, 0]
  for (const seed of seeds) {
    const found = await accuracies(create(), seed)
    sums = sums.map((sum, task) => sum + (found[task] ?? Number.NaN))
  }
  const means = sums.map((sum) => (100 * sum) / seeds.length)
  const cells = [...means, means.reduce((a, b) => a + b) / means.length].map((mean) => mean.toFixed(1))
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}

function scenarioOf(name: string): Scenario {
  if (name === 'task' || name === 'domain' || name === 'class') return name
  throw new Error(`--scenario is task, domain or class; "${name}" was given.`)
}
