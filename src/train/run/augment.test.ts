import { describe, expect, it } from 'vitest'
import { bitsOf, memoryStore, runToEnd, toyOptions } from '../../../test/toy-learning.ts'
import { type AugmentSpec, checkAugment, parseAugment } from '../../data/augment/index.ts'
import { createDataset, type Dataset, samples } from '../../data/dataset.ts'
import { batchPlan } from '../../data/memory/index.ts'
import { compose } from '../../methods/compose.ts'
import { der } from '../../methods/der.ts'
import { distil } from '../../methods/distil.ts'
import { joint } from '../../methods/joint.ts'
import type { Method } from '../../methods/method.ts'
import { none } from '../../methods/none.ts'
import { replay } from '../../methods/replay.ts'
import { flatten, linear, sequential } from '../../model/layers/layers.ts'
import { network } from '../../model/layers/network.ts'
import { meanSquaredError } from '../../model/losses/index.ts'
import type { Model } from '../../model/model.ts'
import { itemAt, required } from '../../required.ts'
import { splitStream } from '../../tasks/split.ts'
import { jointUpTo, type Scenario, type TaskStream } from '../../tasks/stream.ts'
import { randomStream } from '../../tensor/random.ts'
import { toNumbers } from '../../tensor/tensor.ts'
import { stepDraws } from '../augment/index.ts'
import { sgd } from '../step/optimisers.ts'
import type { LearnEvent } from './events.ts'
import { learn } from './learn.ts'
import type { LearnOptions } from './options.ts'

const SIDE = 4
const PIXELS = 3 * SIDE * SIDE
const MEANS = [0.2, 0.3, 0.4]

/** Images of noise, brighter from class to class; classes in turn. */
function images(seed: number, perClass = 6, classes = 6): Dataset {
  const random = randomStream(seed, 'images')
  const rows = perClass * classes
  const data = Uint8Array.from(
    { length: rows * PIXELS },
    (_, at) => 20 * (Math.floor(at / PIXELS) % classes) + random.integer(100),
  )
  return createDataset({
    name: 'noise',
    inputs: { type: 'uint8', dims: [rows, 3, SIDE, SIDE], data },
    labels: { type: 'int32', dims: [rows], data: Int32Array.from({ length: rows }, (_, at) => at % classes) },
    classes: Array.from({ length: classes }, (_, at) => `class ${at}`),
    preprocessing: { scale: 1 / 255, mean: MEANS, std: 0.5 },
  })
}

const stream = (scenario: Scenario): TaskStream =>
  splitStream(images(1), images(2), { scenario, classesPerTask: 2 })

const layered = (classes: number): Model =>
  network({
    name: 'linear',
    inputDims: [3, SIDE, SIDE],
    layer: sequential({ flat: flatten(), fc: linear(PIXELS, classes) }),
    classes,
    seed: 4,
  })

function options(
  augment: AugmentSpec | undefined,
  method: Method,
  given: Partial<LearnOptions> = {},
): LearnOptions {
  const tasks = given.stream ?? stream('class')
  return toyOptions({
    ...{ method, stream: tasks, model: layered(tasks.outputs), iterations: 7, batchSize: 5 },
    settings: { optimiser: sgd({ momentum: 0.9 }), augment },
    ...given,
  })
}

const everything = parseAugment(['flip', 'crop:1', 'colour', 'cutout:2', 'mixup:0.5', 'cutmix'])
const bits = async (given: LearnOptions) => bitsOf((await runToEnd(given)).result.parameters)

describe('a run with augmented images', () => {
  const method = () => compose(replay({ perClass: 3 }), distil())

  it('ends in the same bits however its steps are cut into calls', async () => {
    const one = await bits(options(everything, method(), { stepsPerCall: 1 }))
    expect(await bits(options(everything, method(), { stepsPerCall: 5 }))).toBe(one)
    expect(await bits(options(undefined, method()))).not.toBe(one)
    expect(await bits(options({}, method()))).toBe(await bits(options(undefined, method())))
  })

  it('goes on from a checkpoint to the same bits', async () => {
    const whole = await bits(options(everything, method()))
    const store = memoryStore()
    const controller = new AbortController()
    const events: LearnEvent[] = []
    const stopped = options(everything, method(), { store, stepsPerCall: 2, signal: controller.signal })
    for await (const event of learn(stopped)) {
      events.push(event)
      if (event.type === 'progress' && event.task === 1 && event.step === 4) controller.abort()
    }
    expect(events.at(-1)).toEqual({ type: 'interrupted', task: 1, step: 4 })
    expect(await bits(options(everything, method(), { store, stepsPerCall: 3 }))).toBe(whole)
  })

  it.each(['flip', 'crop:1', 'colour', 'cutout:2', 'mixup', 'cutmix'])(
    'is another one with %s',
    async (name) => {
      expect(await bits(options(parseAugment([name]), none()))).not.toBe(
        await bits(options(undefined, none())),
      )
    },
  )

  it('says what it cannot augment before it trains', async () => {
    const points = toyOptions({ ...options({ flip: 0.5 }, none()), stream: vectors() })
    await expect(runToEnd(points)).rejects.toThrow(expect.objectContaining({ code: 'augment-data' }))
  })
})

function vectors(): TaskStream {
  const flat = (dataset: Dataset): Dataset => ({
    ...dataset,
    inputs: { ...dataset.inputs, dims: [dataset.inputs.dims[0] ?? 0, PIXELS] },
    preprocessing: { scale: 1, mean: 0, std: 1 },
  })
  return splitStream(flat(images(1)), flat(images(2)), { scenario: 'class', classesPerTask: 2 })
}

/** The terms of the loss of the first step of a task, with a rate of 0. */
async function firstLosses(given: LearnOptions, task = 0): Promise<Readonly<Record<string, number>>> {
  for await (const event of learn({ ...given, learningRate: 0, stepsPerCall: 1 })) {
    if (event.type === 'progress' && event.task === task) return event.losses
  }
  throw new Error('no step')
}

describe('what a method sees', () => {
  const gapTo = (whose: 'batch' | 'another'): Method => ({
    ...none(),
    terms: ({ step, logits, forward, batch, parameters }) => {
      const other = whose === 'batch' ? batch : step.op('Round', [batch])
      return { losses: [{ name: 'gap', value: meanSquaredError(step, logits, forward(other, parameters)) }] }
    },
  })

  it('is the batch as the model sees it, so that a teacher in the step answers for the same images', async () => {
    expect((await firstLosses(options(everything, gapTo('batch')))).gap).toBe(0)
    expect((await firstLosses(options(everything, gapTo('another')))).gap).toBeGreaterThan(0)
  })
})

interface Mixture {
  /** Of the mixed rows, and of the rows as they are stored. */
  readonly logits: readonly (readonly number[])[]
  readonly plain: readonly (readonly number[])[]
  readonly labels: readonly number[]
  readonly partner: readonly number[]
  readonly share: readonly number[]
}

/** What the draws of a task's first step make of its batch, worked out in loops. */
function mixedByHand(given: LearnOptions, dataset: Dataset, task = 0): Mixture {
  const { model, seed, batchSize: size, settings } = given
  const spec = settings.augment ?? {}
  const rows = [...batchPlan(samples(dataset), size, randomStream(seed, `batches/${task}/new`)).next(1)]
  const draws = stepDraws({
    ...{ spec, image: checkAugment(spec, dataset), seed, task, from: 0, count: 1 },
    sources: [{ name: 'new', dataset, tasks: 0, size, weight: 1 }],
  })
  const drawn = (name: 'partner' | 'share') => toNumbers(required(draws, name, 'column'))
  const [share, partner] = [drawn('share'), drawn('partner')]
  const weight = toNumbers(required(model.parameters, 'fc.weight', 'parameter'))
  const bias = toNumbers(required(model.parameters, 'fc.bias', 'parameter'))
  const pixels = toNumbers(dataset.inputs)
  const stored = rows.map((row) => pixels.slice(row * PIXELS, (row + 1) * PIXELS))
  const logitsOf = (image: readonly number[]) => {
    const x = image.map((value, at) => (value / 255 - (MEANS[Math.floor(at / SIDE ** 2)] ?? 0)) / 0.5)
    return bias.map((b, unit) =>
      x.reduce((sum, value, at) => sum + value * (weight[unit * PIXELS + at] ?? 0), b),
    )
  }
  const mixed = stored.map((image, row) => {
    const other = stored[partner[row] ?? -1]
    const own = share[row] ?? Number.NaN
    return image.map((value, at) => own * value + (1 - own) * (other?.[at] ?? Number.NaN))
  })
  const labels = toNumbers(dataset.labels)
  return {
    logits: mixed.map(logitsOf),
    plain: stored.map(logitsOf),
    labels: rows.map((row) => labels[row] ?? -1),
    ...{ partner, share },
  }
}

/** The mean of share L(row, row) + (1 - share) L(row, partner). */
const ofBoth = ({ share, partner }: Mixture, loss: (row: number, other: number) => number): number =>
  share.reduce((sum, own, row) => sum + own * loss(row, row) + (1 - own) * loss(row, partner[row] ?? -1), 0) /
  share.length

const crossEntropy = (logits: readonly number[], target: readonly number[]): number => {
  const log = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0))
  return target.reduce((sum, share, unit) => sum + share * (log - (logits[unit] ?? 0)), 0)
}
const softmax = (logits: readonly number[]): number[] => {
  const all = logits.map((value) => Math.exp(value))
  const sum = all.reduce((total, value) => total + value, 0)
  return all.map((value) => value / sum)
}
const oneHot = (label: number, units: readonly number[]) => units.map((unit) => (unit === label ? 1 : 0))
const some = (logits: readonly number[] | undefined, units: readonly number[]) =>
  units.map((unit) => logits?.[unit] ?? Number.NaN)

describe('mixed rows', () => {
  const mixup = { mixup: 0.5 }

  it('have the loss of both labels, each by its share', async () => {
    const tasks = splitStream(images(1), images(2), { scenario: 'class', groups: [[0, 1, 2, 3, 4, 5]] })
    const given = options(mixup, none(), { stream: tasks })
    const mixture = mixedByHand(given, itemAt(tasks.tasks, 0, 'task').train)
    expect(mixture.share.some((share) => share > 0.05 && share < 0.95)).toBe(true)
    const all = [0, 1, 2, 3, 4, 5]
    const expected = ofBoth(mixture, (row, other) =>
      crossEntropy(mixture.logits[row] ?? [], oneHot(mixture.labels[other] ?? -1, all)),
    )
    expect((await firstLosses(given)).task).toBeCloseTo(expected, 4)
  })

  it('have each label under the mask of its own task', async () => {
    const tasks = stream('task')
    const given = options(mixup, joint(), { stream: tasks })
    const mixture = mixedByHand(given, jointUpTo(tasks, 1), 1)
    const unitsOf = (label: number) => (label < 2 ? [0, 1] : [2, 3])
    const crossing = mixture.partner.filter(
      (other, row) => (mixture.labels[row] ?? 0) < 2 !== (mixture.labels[other] ?? 0) < 2,
    )
    expect(crossing.length).toBeGreaterThan(0)
    const expected = ofBoth(mixture, (row, other) => {
      const label = mixture.labels[other] ?? -1
      const units = unitsOf(label)
      return crossEntropy(some(mixture.logits[row], units), oneHot(label, units))
    })
    expect((await firstLosses(given, 1)).task).toBeCloseTo(expected, 4)
  })

  it('are distilled on the answers for both rows as they are stored', async () => {
    const tasks = stream('class')
    const given = options(mixup, distil({ temperature: 2 }), { stream: tasks })
    const mixture = mixedByHand(given, itemAt(tasks.tasks, 1, 'task').train, 1)
    const soft = (logits: readonly number[] | undefined) => some(logits, [0, 1]).map((value) => value / 2)
    const expected =
      4 *
      ofBoth(mixture, (row, other) =>
        crossEntropy(soft(mixture.logits[row]), softmax(soft(mixture.plain[other]))),
      )
    expect((await firstLosses(given, 1)).distillation).toBeCloseTo(expected, 4)
  })

  it('are refused where logits of single rows are remembered', async () => {
    await expect(runToEnd(options(mixup, der()))).rejects.toThrow(
      expect.objectContaining({ code: 'der-mixtures' }),
    )
    await expect(runToEnd(options({ flip: 0.5, crop: 1 }, der({ capacity: 4 })))).resolves.toBeDefined()
  })
})
