import { beforeAll, describe, expect, test } from 'vitest'
import { among, blobModel, blobNames, blobs } from '../../test/blobs.ts'
import { classLabels, type Dataset } from '../data/dataset.ts'
import { ortNode } from '../engine/ort-node.ts'
import { featureSums } from '../evaluate/feature-sums.ts'
import { activationsAt, headCut } from '../evaluate/index.ts'
import { openJudge } from '../evaluate/judge.ts'
import { expandHead, expansionOf } from '../model/heads/expand.ts'
import { findHead } from '../model/heads/head.ts'
import { widerDiagonal } from '../model/heads/head-rows.ts'
import { widenHead } from '../model/heads/widen.ts'
import type { Model } from '../model/model.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { UpdateData } from './parts.ts'
import { predicted } from './path/search.ts'
import { chooseMethod, parseUpdateMethod } from './recipes/update-method.ts'
import { openUpdate, type UpdateEvent, updateModel } from './update.ts'

const engine = ortNode()
const old = blobNames.slice(0, 4)
const all = blobNames.slice(0, 5)
let model: Model
let widened: Model

/** A class is added; the old ones are four blobs that the model knows. */
const adding = (parts: Partial<UpdateData> = {}): UpdateData => ({
  train: among(blobs({ classes: ['ebony'], perClass: 80, seed: 11 }), all),
  heldOut: among(blobs({ classes: ['ebony'], perClass: 60, seed: 12 }), all),
  exemplars: among(blobs({ classes: old, perClass: 20, seed: 13 }), all),
  oldHeldOut: among(blobs({ classes: old, perClass: 150, seed: 14 }), all),
  ...parts,
})

async function accuracy(weights: ReadonlyMap<string, unknown>, data: Dataset): Promise<number> {
  const judge = openJudge(engine, widened, widened.classes.length)
  const answers = await judge.answers(data, weights as Model['parameters'])
  await judge.dispose()
  const found = predicted(answers, widened.classes.length, 0)
  return found.filter((unit, row) => unit === answers.labels[row]).length / found.length
}

beforeAll(async () => {
  model = await blobModel(engine, old)
  widened = widenHead(model, { classes: ['ebony'], seed: 3 })
})

describe('an update that adds a class', () => {
  test('keeps the old inside the budget, learns the new, and says what holds on other rows', async () => {
    const events: UpdateEvent[] = []
    const result = await updateModel({
      engine,
      model,
      widened,
      data: adding(),
      budget: { maxDrop: 0.03 },
      rungs: ['head', 'whole'],
      epochs: 10,
      learningRate: 1e-2,
      onEvent: (event) => events.push(event),
    })
    expect(result.status).toBe('met')
    expect(result.old?.upper).toBeLessThanOrEqual(0.03)
    expect(result.old?.n).toBe(600)
    expect(result.new).toMatchObject({ before: 0, n: 60 })
    expect(result.new.after).toBeGreaterThan(0.9)
    expect(result.chosen?.method).toBe('replay+distil')
    expect(result.new.byClass).toEqual([
      expect.objectContaining({
        name: 'ebony',
        added: true,
        trained: 80,
        n: 60,
        before: 0,
        after: result.new.after,
      }),
    ])
    expect(result.new.lower).toBeLessThan(result.new.after)
    expect(result.new.crossFitted?.folds).toBe(10)
    expect(Math.abs(Number(result.new.crossFitted?.after) - result.new.after)).toBeLessThan(0.1)
    // What is to be hoped for goes on from what was measured: the chosen point is on its trial's outlook.
    const { outlook } = result.trials[result.chosen?.trial ?? -1] ?? {}
    const own = outlook?.filter((point) => point.new === result.chosen?.new)
    expect(own?.map(({ drop }) => drop)).toContainEqual(expect.closeTo(result.old?.drop ?? Number.NaN, 12))
    // Untouched by the update altogether.
    expect(
      await accuracy(result.parameters, among(blobs({ classes: old, perClass: 200, seed: 99 }), all)),
    ).toBeGreaterThan(0.95)
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['trial', 'progress', 'trained', 'point']),
    )
  })

  test('works a head out from sums alone, with no old row but those that prove', async () => {
    const kept = among(blobs({ classes: old, perClass: 100, seed: 21 }), all)
    const features = await activationsAt(engine, model, headCut(model), kept)
    const sums = await featureSums({
      engine,
      features: features.inputs as Tensor<'float32'>,
      labels: classLabels(kept),
      classes: all.length,
    })
    const result = await updateModel({
      ...{ engine, model, widened },
      data: adding({ exemplars: undefined, sums }),
      budget: { maxDrop: 0.03 },
    })
    expect(result.status).toBe('met')
    expect(result.trials.map(({ method }) => method)).toEqual(['ridge', 'lda'])
    expect(result.new.after).toBeGreaterThan(0.8)
    // Old rows of the head stay bit for bit.
    const head = findHead(widened)
    const weight = head && result.parameters.get(head.weight)
    const before = head && widened.parameters.get(head.weight)
    const width = (before?.data.length ?? 0) / all.length
    expect(weight?.data.slice(0, old.length * width)).toEqual(before?.data.slice(0, old.length * width))
  })

  test('works out all rows from sums of random features, the old ones, too', async () => {
    const wide = expandHead(model, { width: 20, seed: 1 })
    const kept = among(blobs({ classes: old, perClass: 100, seed: 21 }), all)
    const features = await activationsAt(engine, model, headCut(model), kept)
    const sums = await featureSums({
      engine,
      features: features.inputs as Tensor<'float32'>,
      labels: classLabels(kept),
      classes: all.length,
      expansion: expansionOf(wide)?.weight,
    })
    const result = await updateModel({
      ...{ engine, model: wide, widened: widenHead(wide, { classes: all.slice(old.length), seed: 1 }) },
      data: adding({ exemplars: undefined, sums }),
      budget: { maxDrop: 0.03 },
    })
    expect(result.status).toBe('met')
    expect(result.trials.map(({ method }) => method)).toEqual(['ridge-all', 'lda'])
    expect(result.new.after).toBeGreaterThan(0.8)
  })

  test('ends in the same bits when it is done again', async () => {
    const run = () =>
      updateModel({
        engine,
        model,
        widened,
        data: adding(),
        budget: { maxDrop: 0.03 },
        rungs: ['whole'],
        epochs: 2,
        seed: 4,
      })
    const [first, second] = [await run(), await run()]
    expect(second.parameters).toEqual(first.parameters)
    expect(second.trials).toEqual(first.trials)
  })

  test('cannot tell with a handful of old rows', async () => {
    const few = among(blobs({ classes: old, perClass: 5, seed: 21 }), all)
    const { status } = await updateModel({
      engine,
      model,
      widened,
      data: adding({ oldHeldOut: few }),
      budget: { maxDrop: 0.01 },
      rungs: ['whole'],
    })
    expect(status).toBe('inconclusive')
  })

  test('without old rows goes half way after one trial, and claims nothing', async () => {
    const data = adding({ exemplars: undefined, oldHeldOut: undefined })
    const result = await updateModel({ engine, model, widened, data, budget: { maxDrop: 0.01 } })
    expect(result).toMatchObject({
      status: 'inconclusive',
      old: null,
      chosen: { alpha: 0.5, offset: 0, method: 'distil' },
    })
    expect(result.trials).toHaveLength(1)
  })
})

describe('an update that cannot keep its budget', () => {
  // The new rows say that what was amber is blue, and so on: nothing can be learned without unlearning the old.
  const turned: UpdateData = {
    train: blobs({ classes: old, perClass: 60, seed: 31, turn: 1 }),
    heldOut: blobs({ classes: old, perClass: 40, seed: 32, turn: 1 }),
    exemplars: blobs({ classes: old, perClass: 20, seed: 33 }),
    oldHeldOut: blobs({ classes: old, perClass: 200, seed: 34 }),
  }

  test('says so when nothing protects the old, and shows a point that has learned something', async () => {
    const result = await updateModel({
      engine,
      model,
      widened: model,
      data: turned,
      budget: { maxDrop: 0.002 },
      method: 'none',
      rungs: ['whole'],
      epochs: 10,
      learningRate: 1e-2,
    })
    expect(result.status).not.toBe('met')
    expect(result.chosen?.method).toBe('none')
    expect(result.chosen?.alpha).toBeGreaterThan(0)
    const [trial] = result.trials
    // The test went on from less loss to more, and not beyond the first that is not seen inside the budget.
    const drops = (trial?.curve ?? []).map(({ drop }) => drop)
    expect(drops.length).toBeGreaterThan(0)
    expect(drops.slice(0, -1).every((drop) => drop <= 0.002)).toBe(true)
    expect(drops.at(-1)).toBeGreaterThan(0.002)
  })
})

describe('an update whose training comes to nothing', () => {
  // Steps so small that no answer changes, on classes that the model has; and too few old rows to show anything.
  const idle = {
    data: {
      train: blobs({ classes: old, perClass: 20, seed: 51, turn: 1 }),
      heldOut: blobs({ classes: old, perClass: 15, seed: 52, turn: 1 }),
      exemplars: blobs({ classes: old, perClass: 20, seed: 53 }),
      oldHeldOut: blobs({ classes: old, perClass: 5, seed: 54 }),
    },
    ...{ budget: { maxDrop: 0.01 }, rungs: ['whole'] as const, epochs: 1, learningRate: 1e-12 },
  }

  test('leaves the old model as it is, which loses nothing: that is not unproven', async () => {
    const result = await updateModel({ engine, model, widened: model, ...idle })
    expect(result).toMatchObject({ status: 'nothing-to-gain', learned: false, chosen: null })
    expect(result.old).toMatchObject({ drop: 0, lower: 0, upper: 0, n: 20 })
    expect(result.trials).toHaveLength(1)
    for (const [name, tensor] of model.parameters) expect(result.parameters.get(name)).toBe(tensor)
  })

  test('does so without any old row, too', async () => {
    const data = { ...idle.data, exemplars: undefined, oldHeldOut: undefined }
    const alone = await updateModel({ engine, model, widened: model, ...idle, data, learningRate: 1e-12 })
    expect(alone).toMatchObject({ status: 'nothing-to-gain', old: null, chosen: null })
  })
})

describe('methods', () => {
  const quick = { rungs: ['whole'] as const, epochs: 2, budget: { maxDrop: 0.05 } }
  const named = (method: string) => ({ method })

  test.each([
    ...['replay', 'distil', 'ewc+replay', 'none', 'joint', 'der++', 'a-gem+distil', 'l2-sp', 'lwf'],
    ...['online-ewc', 'reservoir-replay', 'nearest-mean+replay', 'gdumb', 'replay+bic+distil'],
  ])('%s trains and is named', async (text) => {
    const result = await updateModel({ engine, model, widened, data: adding(), ...quick, ...named(text) })
    expect(result.chosen?.method.split('+').sort()).toEqual(text.split('+').sort())
    const { methodOptions } = result.trials[0]?.settings ?? {}
    expect(methodOptions?.lambda).toBe({ 'ewc+replay': 1000, 'online-ewc': 1000, 'l2-sp': 0.01 }[text])
  })

  test('EWC holds weights in place: a strong penalty leaves old rows as they were answered', async () => {
    const drop = async (lambda: number) => {
      const data = adding({ exemplars: among(blobs({ classes: old, perClass: 50, seed: 41 }), all) })
      const result = await updateModel({
        engine,
        model,
        widened,
        data,
        ...quick,
        ...named('ewc'),
        methodOptions: { lambda },
        epochs: 20,
        learningRate: 1e-2,
      })
      // Where the path ends: nothing but training has acted there.
      return accuracy(result.path.end, among(blobs({ classes: old, perClass: 100, seed: 42 }), all))
    }
    expect(await drop(1e6)).toBeGreaterThan(await drop(0))
  })

  test('EWC takes the Fisher that it is given: what is important there stays, what is not goes', async () => {
    const [held, free] = [...model.parameters.keys()]
    const fisher = new Map(
      [...model.parameters].map(([name, { dims, data }]) => [
        name,
        float32(dims, new Float32Array(data.length).fill(name === held ? 1e6 : 0)),
      ]),
    )
    const { path } = await updateModel({
      engine,
      model,
      widened,
      data: adding(),
      ...quick,
      ...named('ewc'),
      fisher,
    })
    const furthest = (name = '') => {
      const [from, to] = [path.start, path.end].map((weights) => {
        const tensor = weights.get(name)
        return tensor ? toNumbers(tensor) : []
      })
      return Math.max(...(from ?? []).map((value, at) => Math.abs(value - Number(to?.[at]))))
    }
    expect(furthest(held)).toBeLessThan(1e-6)
    expect(furthest(free)).toBeGreaterThan(1e-3)
  })

  test('a given Fisher is 0 in the rows of new classes, and refused where it is of another model', () => {
    const parameters = new Map([
      ['weight', float32([3, 2])],
      ['columns', float32([2, 3])],
    ])
    const given = new Map([
      ['weight', float32([2, 2], [1, 2, 3, 4])],
      ['columns', float32([2, 2], [1, 2, 3, 4])],
    ])
    const wider = widerDiagonal({ parameters }, given)
    expect([...(wider.get('weight')?.data ?? [])]).toEqual([1, 2, 3, 4, 0, 0])
    expect([...(wider.get('columns')?.data ?? [])]).toEqual([1, 2, 0, 3, 4, 0])
    expect(() => widerDiagonal({ parameters }, new Map([['weight', float32([4, 2])]]))).toThrow('is [4, 2]')
  })

  test('the low-rank updates of the chosen point make the chosen weights', async () => {
    const { adapters, parameters, path, chosen } = await updateModel({
      engine,
      model,
      widened,
      data: adding(),
      ...quick,
      lora: { rank: 2 },
    })
    const [adapter] = adapters?.lora.adapters ?? []
    if (!adapters || !adapter) throw new Error('no adapters')
    const [a, b] = [adapters.parameters.get(adapter.a), adapters.parameters.get(adapter.b)]
    const [start, end] = [path.start.get(adapter.weight), parameters.get(adapter.weight)]
    const [rows = 0, width = 0] = start?.dims ?? []
    expect(chosen?.alpha).toBeGreaterThan(0)
    for (let at = 0; at < rows * width; at++) {
      const [row, column] = [Math.floor(at / width), at % width]
      let update = 0
      for (let rank = 0; rank < 2; rank++) {
        update += Number(b?.data[row * 2 + rank]) * Number(a?.data[rank * width + column])
      }
      const scale = adapters.lora.alpha / adapters.lora.rank
      expect(Number(start?.data[at]) + scale * update).toBeCloseTo(Number(end?.data[at]), 5)
    }
  })

  test('what needs old rows is refused without any; EWC is refused with LoRA', async () => {
    const bare = { engine, model, widened, data: adding({ exemplars: undefined }), ...quick }
    await expect(updateModel({ ...bare, ...named('ewc+replay') })).rejects.toMatchObject({
      code: 'method-old-data',
    })
    await expect(updateModel({ ...bare, data: adding(), ...named('ewc'), lora: {} })).rejects.toMatchObject({
      code: 'method-lora',
    })
  })

  test('a method that would have had to see the old being learned is refused, and an option of another', async () => {
    const given = { engine, model, widened, data: adding(), ...quick }
    await expect(updateModel({ ...given, ...named('si') })).rejects.toMatchObject({ code: 'method-past' })
    await expect(
      updateModel({ ...given, ...named('replay'), methodOptions: { lambda: 1 } }),
    ).rejects.toMatchObject({ code: 'method-option' })
  })

  test('a Fisher of none of the parameters is refused: it would hold nothing', async () => {
    const fisher = new Map([['another.weight', float32([2])]])
    const update = updateModel({ engine, model, widened, data: adding(), ...quick, ...named('ewc'), fisher })
    await expect(update).rejects.toMatchObject({
      code: 'penalty-names',
      message: expect.stringContaining('"another.weight"'),
    })
  })

  test('names are read as they are written, and nothing else', () => {
    for (const text of ['none', 'joint', 'replay', 'replay+distil+ewc']) {
      expect(parseUpdateMethod(text)).toBe(text)
    }
    expect(parseUpdateMethod('auto')).toBeUndefined()
    expect(() => parseUpdateMethod('ewc+replya')).toThrow('Did you mean "replay"?')
    const warned = chooseMethod('ewc', { exemplars: true, unlabelled: false, added: true })
    expect(warned.reasons.join()).toContain('EWC alone does not keep old classes apart')
  })
})

describe('cost and end', () => {
  test('the estimate names the steps that are then done', async () => {
    const done: number[] = []
    const update = await openUpdate({
      engine,
      model,
      widened,
      data: adding(),
      budget: { maxDrop: 0.03 },
      epochs: 2,
      rungs: ['head', 'whole'],
      learningRate: 1e-3,
      onEvent: (event) => {
        if (event.type === 'progress' && event.step === event.of)
          done[event.trial] = (done[event.trial] ?? 0) + event.of
      },
    })
    try {
      const { trials, secondsPerStep } = await update.estimate()
      expect(secondsPerStep).toBeGreaterThan(0)
      expect(trials).toHaveLength(2)
      await update.run()
      // Of each rung the new rows of the head first, then what it trains: both are counted.
      expect(trials.map(({ steps }) => steps)).toEqual(done)
    } finally {
      await update.dispose()
    }
  })

  test('a rung above the first is climbed only where it seems to end in the time; else it is named', async () => {
    const rungs = ['head', 'whole'] as const
    const asked = { engine, model, widened, data: adding(), budget: { maxDrop: 0.03 }, epochs: 2, rungs }
    // Nothing is learned at such a rate, so that another rung could pay.
    const run = (time: number) => updateModel({ ...asked, learningRate: 1e-9, time })
    const [none, plenty] = [await run(1e-6), await run(3600)]
    expect(none.trials.map(({ settings }) => settings.rung)).toEqual(['the head'])
    expect(none.stopped?.rung).toBe('everything')
    expect(none.stopped?.seconds).toBeGreaterThan(0)
    expect(plenty.trials.map(({ settings }) => settings.rung)).toEqual(['the head', 'everything'])
    expect(plenty.stopped).toBeNull()
  })

  test('a signal stops it with a message, and nothing is returned', async () => {
    const controller = new AbortController()
    const run = updateModel({
      engine,
      model,
      widened,
      data: adding(),
      rungs: ['head'],
      budget: { maxDrop: 0.03 },
      signal: controller.signal,
      onEvent: ({ type }) => type === 'progress' && controller.abort(),
    })
    await expect(run).rejects.toMatchObject({ code: 'interrupted' })
  })

  test('a confidence or a budget out of range is refused before anything is trained', async () => {
    const asked = { engine, model, widened, data: adding() }
    await expect(openUpdate({ ...asked, budget: { maxDrop: 0.01, confidence: 0.2 } })).rejects.toMatchObject({
      code: 'confidence-range',
    })
    await expect(openUpdate({ ...asked, budget: { maxDrop: 1 } })).rejects.toMatchObject({
      code: 'budget-range',
    })
  })

  test('new rows are needed to train on and to measure on', async () => {
    const none = among(blobs({ classes: ['ebony'], perClass: 0, seed: 5 }), all)
    await expect(
      updateModel({ engine, model, widened, data: adding({ heldOut: none }), budget: { maxDrop: 0.01 } }),
    ).rejects.toMatchObject({
      code: 'update-data',
      message: expect.stringContaining(
        'give two rows of a class at least, or rows of their own in a part test/.',
      ),
    })
  })
})
