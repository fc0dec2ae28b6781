/**
 * The article this project starts from, section by section: a model, the Fisher diagonal, training with the EWC
 * penalty, MNIST. It learns the digits 0-4, then 5-9, once without the penalty and once with it.
 *
 *     node scripts/run.mjs examples/article.ts                     five epochs
 *     node scripts/run.mjs examples/article.ts --quick             one epoch
 *     node scripts/run.mjs examples/article.ts --lambda 100 --epochs 10
 *
 * docs/from-the-article.md tells where the article's code departs from the definition, and what that changes.
 */
import { parseArgs } from 'node:util'
import {
  createEvaluator,
  type Dataset,
  ewc,
  type FisherResult,
  fisherDiagonal,
  type LearnResult,
  learn,
  type Method,
  type Model,
  mlp,
  mnistNormalisation,
  mnistOrSynthetic,
  none,
  ortNode,
  randomStream,
  samples,
  sgd,
  simpleModel,
  splitStream,
  type Task,
  type TaskStream,
  taskAccuracy,
  withPreprocessing,
} from '../src/index.ts'

const { values } = parseArgs({
  options: {
    epochs: { type: 'string' },
    lambda: { type: 'string', default: '1000' },
    quick: { type: 'boolean', default: false },
  },
})
const epochs = Number(values.epochs ?? (values.quick ? 1 : 5))
const lambda = Number(values.lambda)
const [learningRate, momentum, seed] = [0.01, 0.9, 0]
const engine = ortNode()

// 1. A simple neural network model: one linear layer.
const simple = simpleModel({ seed })
// One linear layer has nothing that two heads could share, so the second scenario below has a hidden layer.
const hidden = mlp({ widths: [784, 100, 10], seed })

// 2. How much each parameter matters to what has been learned: the diagonal of the Fisher matrix.
function fisherMatrixDiag(
  model: Model,
  stream: TaskStream,
  { parameters }: LearnResult,
): Promise<FisherResult> {
  const { train, units: own } = firstTask(stream)
  // The softmax goes over the answers there are to choose from: all ten, or the task's own where it is told.
  const units = stream.scenario === 'task' ? own : undefined
  const random = randomStream(seed, 'fisher')
  return fisherDiagonal({ engine, model, parameters, dataset: train, units, random })
}

// 3. Training, with the EWC penalty or another method: the tasks one after another, the Fisher taken at each one's end.
async function train(model: Model, stream: TaskStream, method: Method): Promise<LearnResult> {
  const batchSize = 64
  const iterations = epochs * Math.floor(samples(firstTask(stream).train) / batchSize)
  const settings = { optimiser: sgd({ momentum }) }
  const plan = { iterations, batchSize, learningRate, settings, resetOptimiser: true, seed }
  const run = learn({ engine, model, stream, method, ...plan })
  for (;;) {
    const { done, value } = await run.next()
    if (done) return value
  }
}

// 4. The data, normalised as in the article, and the accuracy on each task's test images, in batches of 1000.
const digits = await mnistOrSynthetic()
const normalised = (data: Dataset): Dataset => withPreprocessing(data, mnistNormalisation)
const groups = [
  [0, 1, 2, 3, 4],
  [5, 6, 7, 8, 9],
]

async function test(model: Model, stream: TaskStream, { parameters }: LearnResult): Promise<number[]> {
  const evaluator = createEvaluator(engine, model, stream.outputs, 1000)
  const state = new Map([...parameters].map(([name, tensor]) => [`parameter/${name}`, tensor]))
  const accuracies: number[] = []
  for (const task of stream.tasks) accuracies.push(await taskAccuracy(evaluator, stream, task, state))
  await evaluator.dispose()
  return accuracies
}

// 5. The article assumes that a first task has been learned. Here it is learned, and looked at again after the second.
console.log(`${digits.train.name}, epochs: ${epochs}, lambda: ${lambda}`)
for (const [title, model, scenario] of [
  ['SimpleModel 784-10, ten answers to choose from (class-incremental)', simple, 'class'],
  ['784-100-10, told which task it is (task-incremental)', hidden, 'task'],
] as const) {
  const stream = splitStream(normalised(digits.train), normalised(digits.test), { scenario, groups })
  const first = await train(model, { ...stream, tasks: [firstTask(stream)] }, none())
  const { diagonal } = await fisherMatrixDiag(model, stream, first)
  const importance = [...diagonal.values()].flatMap(({ data }) => [...data])

  console.log(`\n${title}`)
  console.log(`  ${'accuracy on'.padEnd(32)}      0-4       5-9`)
  show('0-4 learned', await test(model, stream, first))
  show('then 5-9 without the penalty', await test(model, stream, await train(model, stream, none())))
  show('then 5-9 with the penalty', await test(model, stream, await train(model, stream, ewc({ lambda }))))
  // Along one parameter the penalty's curvature is lambda F; SGD with momentum is stable below 2 (1 + momentum) / lr.
  const largest = importance.reduce((a, b) => Math.max(a, b))
  const limit = (2 * (1 + momentum)) / (learningRate * largest)
  console.log(
    `  Fisher: sum ${importance.reduce((a, b) => a + b).toFixed(2)}, largest ${largest.toPrecision(3)};`,
  )
  console.log(`  SGD takes the penalty's explicit steps up to lambda ${Number(limit.toPrecision(2))}`)
}

function firstTask({ tasks: [task] }: TaskStream): Task {
  if (!task) throw new Error('The stream has no task.')
  return task
}

function show(what: string, accuracies: readonly number[]): void {
  const cells = accuracies.map((value) => `${(100 * value).toFixed(1)} %`.padStart(10))
  console.log(`  ${what.padEnd(32)}${cells.join('')}`)
}
