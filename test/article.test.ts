import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Dataset,
  fisherDiagonal,
  type Model,
  mnistNormalisation,
  ortNode,
  randomStream,
  samples,
  simpleModel,
  syntheticDigits,
  withPreprocessing,
} from '../src/index.ts'
import { toNumbers } from '../src/tensor/tensor.ts'

const run = promisify(execFile)
const program = (file: string, ...options: readonly string[]) =>
  run(process.execPath, ['scripts/run.mjs', `examples/${file}.ts`, ...options])

/** The percentages of each line, in order: [0-4, 5-9]. */
const percentages = (text: string): number[][] =>
  text
    .split('\n')
    .map((line) => [...line.matchAll(/(\S+) %/g)].map(([, value]) => Number(value)))
    .filter((row) => row.length > 0)

describe('the article’s program', () => {
  let output = ''
  let rows: number[][] = []

  beforeAll(async () => {
    output = (await program('article', '--quick')).stdout
    rows = percentages(output)
  }, 120_000)

  it('prints both accuracies before and after, all of them numbers', () => {
    expect(rows).toHaveLength(6)
    for (const row of rows) {
      expect(row).toHaveLength(2)
      for (const value of row) expect(value).toBeGreaterThanOrEqual(0)
    }
  })

  it('forgets the first digits altogether in one output layer without the penalty', () => {
    const [first, without] = rows
    expect(first?.[0]).toBeGreaterThan(90)
    expect(without?.[0]).toBeLessThan(5)
    expect(without?.[1]).toBeGreaterThan(85)
  })

  it('forgets less with the penalty than without where it is told the task', () => {
    const [first, without, withPenalty] = rows.slice(3).map((row) => row[0] ?? Number.NaN)
    expect(without).toBeLessThan(first ?? 0)
    expect(withPenalty).toBeGreaterThan(without ?? 100)
  })

  it('says which data it used, and up to which lambda its steps are stable', () => {
    expect(output).toMatch(/^(MNIST|synthetic digits), epochs: 1, lambda: 1000$/m)
    const limits = [...output.matchAll(/up to lambda (\d+)/g)].map(([, limit]) => Number(limit))
    expect(limits).toHaveLength(2)
    for (const limit of limits) expect(limit).toBeGreaterThan(1000)
  })
})

it('stops with a reason where lambda is too large for explicit steps', async () => {
  await expect(program('article', '--quick', '--lambda', '1e6')).rejects.toThrow(/diverged/)
})

it('shows the neighbours, replay and multi-task above fine-tuning', async () => {
  const { stdout } = await program('neighbours', '--quick', '--scenario', 'domain')
  const means = new Map(
    stdout.split('\n').flatMap((line) => {
      const cells = line.split('|').map((cell) => cell.trim())
      return cells.length === 6 ? [[cells[1], Number(cells[4])] as const] : []
    }),
  )
  const tuned = means.get('nothing: fine-tuning') ?? Number.NaN
  for (const method of ['LwF', 'replay, 100 a class', 'online replay, memory of 500', 'multi-task']) {
    expect(means.get(method), method).toBeGreaterThan(tuned)
  }
})

describe('the Fisher diagonal of the article’s model', () => {
  it('is mean_n p_k (1 - p_k) x_i^2, what the definition comes to for one linear layer', async () => {
    const dataset = withPreprocessing(syntheticDigits({ train: 100, test: 10 }).train, mnistNormalisation)
    const model = simpleModel({ seed: 3 })
    const { diagonal } = await fisherDiagonal({
      engine: ortNode({ threads: 1 }),
      model,
      parameters: model.parameters,
      dataset,
      random: randomStream(0, 'fisher'),
    })
    const expected = closedForm(model, dataset)
    const found = toNumbers(
      diagonal.get('fc.weight') ?? { type: 'float32', dims: [0], data: new Float32Array() },
    )
    expect(found).toHaveLength(expected.length)
    expected.forEach((value, index) => {
      expect(Math.abs((found[index] ?? Number.NaN) - value)).toBeLessThan(1e-4 * Math.max(value, 1e-3))
    })
  })
})

function closedForm(model: Model, dataset: Dataset): number[] {
  const [weight, bias] = ['fc.weight', 'fc.bias'].map(
    (name) => model.parameters.get(name)?.data as Float32Array,
  )
  const count = samples(dataset)
  const fisher = new Array<number>(7840).fill(0)
  for (let row = 0; row < count; row++) {
    const pixels = dataset.inputs.data.slice(row * 784, (row + 1) * 784) as Uint8Array
    const x = Array.from(pixels, (pixel) => (pixel / 255 - 0.1307) / 0.3081)
    const logits = Array.from(bias ?? [], (start, unit) =>
      x.reduce((sum, value, index) => sum + value * (weight?.[unit * 784 + index] ?? Number.NaN), start),
    )
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
    logits.forEach((logit, unit) => {
      const p = Math.exp(logit) / total
      x.forEach((value, index) => {
        const at = unit * 784 + index
        fisher[at] = (fisher[at] ?? 0) + (p * (1 - p) * value * value) / count
      })
    })
  }
  return fisher
}
