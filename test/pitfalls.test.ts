import { describe, expect, it } from 'vitest'
import { parseAugment } from '../src/data/augment/index.ts'
import { concatenate, createDataset, type Dataset } from '../src/data/dataset.ts'
import { ewc } from '../src/methods/ewc.ts'
import { emptyState } from '../src/methods/method.ts'
import { createMethod, holdsWeights, methodEntries, methodOptions } from '../src/methods/registry.ts'
import { batchNorm2d, conv2d, flatten, linear, network, relu, sequential } from '../src/model/layers/index.ts'
import type { Model } from '../src/model/model.ts'
import { required } from '../src/required.ts'
import { splitStream } from '../src/tasks/split.ts'
import { randomStream } from '../src/tensor/random.ts'
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { sgd } from '../src/train/step/optimisers.ts'
import { endOfTask, rememberedBy } from './method-contexts.ts'
import { bitsOf, memoryStore, runToEnd, toyOptions, toyStream } from './toy-learning.ts'

// What users of other tools ran into, for every method that is registered: one that is added later is looked at, too.

const names = methodEntries.map(({ name }) => name)
/** Few of what takes long. */
const optionsOf = (name: string) => (name === 'ranpac' ? { randomFeatures: 10 } : {})
const scenarioOf = (name: string) => (['xdg', 'task-lora'].includes(name) ? 'task' : 'class')
const penalties = methodEntries.filter(holdsWeights).map(({ name }) => name)

describe.each(penalties)('the penalty of %s', (name) => {
  it('is not silently zero: it is reported, above 0 once weights move, and changes what is learned', async () => {
    const stream = { ...toyStream('task'), tasks: toyStream('task').tasks.slice(0, 2) }
    const gentle = Object.hasOwn(methodOptions(name), 'lambda') ? { lambda: 10 } : {}
    const run = (method: string, options = {}) =>
      runToEnd(
        toyOptions({
          stream,
          method: createMethod(method, options),
          stepsPerCall: 1,
          iterations: 6,
          learningRate: 0.01,
        }),
      )
    const [held, plain] = [await run(name, gentle), await run('none')]
    const second = held.events.flatMap((event) =>
      event.type === 'progress' && event.task === 1 ? [event.losses.penalty] : [],
    )
    const [first, ...later] = second
    expect(first).toBe(0)
    expect(later).toHaveLength(5)
    expect(later.every((value) => value !== undefined && value > 0)).toBe(true)
    expect(bitsOf(held.result.parameters)).not.toBe(bitsOf(plain.result.parameters))
  })
})

/** Images, brighter from class to class; classes in turn. */
function images(seed: number): Dataset {
  const random = randomStream(seed, 'images')
  const rows = 36
  return createDataset({
    name: 'noise',
    inputs: {
      type: 'uint8',
      dims: [rows, 3, 4, 4],
      data: Uint8Array.from(
        { length: rows * 48 },
        (_, at) => 20 * (Math.floor(at / 48) % 6) + random.integer(100),
      ),
    },
    labels: { type: 'int32', dims: [rows], data: Int32Array.from({ length: rows }, (_, at) => at % 6) },
    classes: Array.from({ length: 6 }, (_, at) => `class ${at}`),
    preprocessing: { scale: 1 / 255, mean: [0.2, 0.3, 0.4], std: 0.5 },
  })
}
const normed = network({
  ...{
    name: 'normed',
    inputDims: [3, 4, 4],
    classes: Array.from({ length: 6 }, (_, at) => `class ${at}`),
    seed: 1,
  },
  layer: sequential({
    conv: conv2d(3, 4, 3),
    norm: batchNorm2d(4),
    act: relu(),
    flat: flatten(),
    head: linear(16, 6),
  }),
})

/** Norms that do not follow: statistics of augmented batches are others. */
const fixed = {
  ...normed,
  buffers: new Map(),
  graph: { ...normed.graph, initializers: new Map([...normed.graph.initializers, ...normed.buffers]) },
}

/** What a method holds after a first task whose steps change no weight, the run's statistics, and its losses. */
async function afterStill(name: string, model: Model, augment: readonly string[] = []) {
  const whole = splitStream(images(1), images(2), { scenario: scenarioOf(name), classesPerTask: 2 })
  const stream = { ...whole, tasks: whole.tasks.slice(0, 1) }
  const store = memoryStore()
  const settings = { optimiser: sgd(), ...(augment.length > 0 && { augment: parseAugment(augment) }) }
  const method = createMethod(name, optionsOf(name))
  const { result, events } = await runToEnd(
    toyOptions({ stream, model, method, settings, store, learningRate: 0, iterations: 2, batchSize: 12 }),
  )
  const losses = events.flatMap((event) => (event.type === 'progress' ? Object.values(event.losses) : []))
  return {
    held: (await store.load())?.method.tensors ?? new Map<string, Tensor>(),
    buffers: result.buffers,
    losses,
  }
}

const apart = (a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>): number =>
  Math.max(
    0,
    ...[...a].flatMap(([name, tensor]) => {
      const other = toNumbers(required(b, name, 'tensor'))
      return toNumbers(tensor).map((value, at) => Math.abs(value - (other[at] ?? Number.NaN)))
    }),
  )

describe('at a task’s end', () => {
  const remembering = names.filter((name) => createMethod(name, optionsOf(name)).consolidate)

  it.each(remembering)('%s sees rows as they are stored: augmentation is off', async (name) => {
    const [plain, augmented] = [
      await afterStill(name, fixed),
      await afterStill(name, fixed, ['colour', 'flip']),
    ]
    expect(augmented.losses).not.toEqual(plain.losses)
    expect([...augmented.held.keys()]).toEqual([...plain.held.keys()])
    // The path of si, and the logits that der remembers, are those of training, by their definitions.
    const ofTraining = name === 'si' ? /importance/ : name.startsWith('der') ? /logits/ : /^$/
    const compared = new Map([...plain.held].filter(([key]) => !ofTraining.test(key)))
    expect(apart(compared, augmented.held)).toBeLessThan(1e-5)
  })

  // Others train on other batches: they keep rows back, replay within the first task, or say what becomes of statistics.
  const others = ['bic', 'reservoir-replay', 'der', 'der++', 'er-ace', 'gdumb', 'ema', 'swa']
  it('no running statistics move beyond what training does', async () => {
    const plain = await afterStill('none', normed)
    for (const name of remembering.filter((one) => !others.includes(one))) {
      expect(apart(plain.buffers, (await afterStill(name, normed)).buffers), name).toBeLessThan(1e-6)
    }
  })
})

describe('an importance', () => {
  const task = endOfTask(toyStream('class'), 0)
  const of = async (name: string, train: Dataset, options = {}) =>
    (await rememberedBy(createMethod(name, options), emptyState, { ...task, train })).tensors
  const estimated = penalties.filter((name) => !['si', 'l2-sp'].includes(name))

  it.each(estimated)(
    'of %s is a mean over rows: the same rows twice, and an incomplete last batch, change nothing',
    async (name) => {
      const once = await of(name, task.train)
      expect(apart(once, await of(name, concatenate([task.train, task.train])))).toBeLessThan(1e-5)
      if (name.includes('ewc') && name !== 'ewc-kfac')
        expect(apart(once, await of(name, task.train, { fisherBatch: 3 }))).toBeLessThan(1e-5)
    },
  )

  it('of a model with batch norms is taken with running statistics: of single rows as of many', async () => {
    const stream = splitStream(images(1), images(2), { scenario: 'class', classesPerTask: 2 })
    const context = endOfTask(stream, 0, { model: normed })
    const one = await rememberedBy(ewc({ fisherBatch: 1 }), emptyState, context)
    const many = await rememberedBy(ewc({ fisherBatch: 5 }), emptyState, context)
    expect(apart(one.tensors, many.tensors)).toBeLessThan(1e-5)
    expect(context.model.buffers).toEqual(normed.buffers)
  })
})

describe('a memory', () => {
  const withOption = (option: string) =>
    methodEntries.filter(({ options }) => Object.hasOwn(options.shape, option)).map(({ name }) => name)
  const rowsIn = async (name: string, options: object): Promise<number> => {
    const store = memoryStore()
    const stream = toyStream('class', { perClass: 15 })
    await runToEnd(
      toyOptions({ stream, method: createMethod(name, { ...options }), store, iterations: 8, batchSize: 8 }),
    )
    const state = await store.load()
    return (
      required(state?.method.tensors ?? new Map<string, Tensor>(), 'memory/labels', 'memory').dims[0] ?? 0
    )
  }

  it.each(withOption('capacity'))('of %s is as large as asked, not one batch', async (name) => {
    expect(await rowsIn(name, { capacity: 30 })).toBe(30)
  })

  it.each(withOption('perClass'))('of %s holds as many of each class as asked', async (name) => {
    expect(await rowsIn(name, { perClass: 9 })).toBe(6 * 9)
  })
})
