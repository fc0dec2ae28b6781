// What augmentation is worth, and what it costs a batch: a small residual network on part of CIFAR-10, one thread.
//   HOLDFAST_DATA=... node scripts/run.mjs bench/augment.ts [--epochs 30] [--seeds 1,2] [--only none,flip+crop]
//   HOLDFAST_DATA=... node scripts/run.mjs bench/augment.ts --steps [--rounds 200]
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { type AugmentColumnName, checkAugment, parseAugment } from '../src/data/augment/index.ts'
import { type Dataset, samples } from '../src/data/dataset.ts'
import { readDataset } from '../src/data/files.ts'
import { takeRows } from '../src/data/rows.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { median } from '../src/measure/statistics.ts'
import { none } from '../src/methods/none.ts'
import { cnn, plainCnn } from '../src/model/layers/networks.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { cast, type Value } from '../src/ops/core/index.ts'
import { splitStream } from '../src/tasks/split.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import { augment } from '../src/train/augment/fragment.ts'
import { stepDraws } from '../src/train/augment/step-draws.ts'
import { learn } from '../src/train/run/learn.ts'
import type { LearnOptions } from '../src/train/run/options.ts'
import { taskContext } from '../src/train/run/task-context.ts'
import { stateAtStart } from '../src/train/run/task-models.ts'
import { openTask } from '../src/train/run/task-run.ts'
import { sgd } from '../src/train/step/optimisers.ts'
import { schedule } from '../src/train/step/schedules.ts'

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '30' },
    seeds: { type: 'string', default: '1,2' },
    only: { type: 'string' },
    steps: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '200' },
  },
})

const root = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'cifar10-subset')
const normalisation = { scale: 1 / 255, mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] }
const whole = await readDataset(root)
const normalised = (dataset: Dataset): Dataset => ({ ...dataset, preprocessing: normalisation })
const [train, test] = [normalised(whole.train), normalised(whole.test ?? whole.train)]
const stream = splitStream(train, test, { scenario: 'class', groups: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] })
const engine = ortNode({ threads: 1 })
const BATCH = 64

const all = [
  'none',
  'flip',
  'flip+crop',
  'flip+crop+colour',
  'flip+crop+cutout',
  'flip+crop+mixup',
  'flip+crop+cutmix',
]
const asked = values.only?.split(',') ?? all
const specOf = (name: string) => parseAugment(name.split('+'))

const optionsFor = (name: string, seed: number, model: LearnOptions['model']): LearnOptions => {
  const iterations = Math.floor(samples(train) / BATCH) * Number(values.epochs)
  return {
    ...{ engine, model, stream, method: none(), seed, iterations, batchSize: BATCH },
    settings: {
      optimiser: sgd({ momentum: 0.9 }),
      weightDecay: { rate: 5e-4 },
      augment: specOf(name),
    },
    learningRate: 0.05,
    schedule: schedule({ kind: 'cosine', warmup: 50 }),
  }
}

if (values.steps) {
  await timeBatches()
  await timeStep('plainCnn 32-32-64-64-128', plainCnn())
  await timeStep('cnn 16-32-64', cnn())
} else {
  for (const name of asked) await accuracies(name)
}

/** Accuracy on the test part after training anew with each seed. */
async function accuracies(name: string): Promise<void> {
  const found: number[] = []
  const began = performance.now()
  for (const seed of values.seeds.split(',').map(Number)) {
    for await (const event of learn(optionsFor(name, seed, cnn({ seed })))) {
      if (event.type === 'task-finished') found.push(event.accuracies[0] ?? Number.NaN)
    }
  }
  const percent = found.map((accuracy) => (100 * accuracy).toFixed(1)).join(', ')
  const mean = (100 * found.reduce((sum, accuracy) => sum + accuracy, 0)) / found.length
  const seconds = (performance.now() - began) / 1000 / found.length
  console.log(`${name.padEnd(18)} ${mean.toFixed(1)} %  (${percent})  ${seconds.toFixed(0)} s a run`)
}

/** Milliseconds of what makes a batch, alternating: gathered and cast to floats, and augmented in between. */
async function timeBatches(): Promise<void> {
  const image = checkAugment({ flip: 0.5 }, train)
  const sources = [{ name: 'new', dataset: train, tasks: 0, size: BATCH, weight: 1 }]
  const rows: Tensor = {
    type: 'int32',
    dims: [BATCH],
    data: Int32Array.from({ length: BATCH }, (_, at) => 7 * at),
  }
  const graphs = []
  for (const name of [...asked, 'flip+crop+colour+cutout+mixup+cutmix']) {
    const spec = specOf(name)
    const draw = (from: number) => stepDraws({ spec, image, sources, seed: 1, task: 0, from, count: 50 })
    const drawn = draw(0)
    const began = performance.now()
    for (let call = 1; call <= 10; call++) draw(50 * call)
    const drawing = (performance.now() - began) / 500
    const builder = new GraphBuilder()
    const pool = builder.input('pool', train.inputs)
    const draws = new Map<AugmentColumnName, Value>()
    const feeds = new Map<string, Tensor>([
      ['pool', train.inputs],
      ['rows', rows],
    ])
    for (const [column, { dims, ...tensor }] of drawn) {
      const steps = { ...tensor, dims: [50 * BATCH, ...dims.slice(2)] } as Tensor
      const first = takeRows(
        steps,
        Int32Array.from({ length: BATCH }, (_, row) => row),
      )
      draws.set(column, builder.input(column, first))
      feeds.set(column, first)
    }
    const batch = builder.op('Gather', [pool, builder.input('rows', rows)])
    const made = augment(builder, batch, { spec, image, preprocessing: normalisation, draws })
    builder.output(cast(builder, made, 'float32'), 'batch')
    const executable = await engine.load(encodeGraph(builder.finish(name)))
    graphs.push({ name, executable, feeds, drawing, milliseconds: [] as number[] })
  }
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const { executable, feeds, milliseconds } of graphs) {
      const began = performance.now()
      await executable.run(feeds)
      if (round > 0) milliseconds.push(performance.now() - began)
    }
  }
  for (const { name, executable, drawing, milliseconds } of graphs) {
    const [middle, fastest] = [median(milliseconds), Math.min(...milliseconds)]
    console.log(
      `${name.padEnd(38)} ${middle.toFixed(2).padStart(6)} ms, fastest ${fastest.toFixed(2).padStart(5)}; drawn in ${drawing.toFixed(2)}`,
    )
    await executable.dispose()
  }
}

/** The fastest of some calls of 5 training steps without augmentation, in milliseconds a step. */
async function timeStep(title: string, model: LearnOptions['model']): Promise<void> {
  const options = optionsFor('none', 1, model)
  const tensors = stateAtStart(model, options.settings.optimiser, new Map(), new Map())
  const state = { updates: 0, tensors, samplers: {}, method: { tensors: new Map(), values: {} } }
  const run = await openTask(options, taskContext(stream, 0, BATCH), state)
  const milliseconds: number[] = []
  for (let call = 0; call < 5; call++) {
    const began = performance.now()
    await run.steps(5 * call, 5)
    milliseconds.push((performance.now() - began) / 5)
  }
  await run.dispose()
  console.log(
    `a step of ${title}: ${median(milliseconds).toFixed(0)} ms, fastest ${Math.min(...milliseconds).toFixed(0)}`,
  )
}
