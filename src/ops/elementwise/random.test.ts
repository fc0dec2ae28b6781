import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { backward } from '../../autodiff/gradients.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { float32, int64, sizeOf, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import type { Value } from '../core/define.ts'
import { dropout } from './dropout.ts'
import { counterUniform, lastRoundedTo } from './random.ts'

const engine = ortNode({ threads: 1 })
const seedType = { type: 'int64', dims: [] } as const

/** Runs what `build` emits from a seed, once a seed. */
async function perSeed(
  seeds: readonly bigint[],
  build: (builder: GraphBuilder, seed: Value) => Value,
): Promise<number[][]> {
  const builder = new GraphBuilder()
  const name = builder.output(build(builder, builder.input('seed', seedType)), 'out').name
  const executable = await engine.load(encodeGraph(builder.finish('random')))
  const results: number[][] = []
  for (const seed of seeds) {
    const outputs = await executable.run(new Map([['seed', int64([], BigInt64Array.of(seed))]]))
    const out = outputs.get(name)
    results.push(out ? toNumbers(out) : [])
  }
  await executable.dispose()
  return results
}

async function uniforms(seed: bigint, salt: number, dims: readonly number[]): Promise<number[]> {
  const [values = []] = await perSeed([seed], (builder, value) => counterUniform(builder, value, salt, dims))
  return values
}

/** Pearson's correlation; of n independent pairs it is below 4.5 / sqrt(n) in all but 7 of a million trials. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  a.forEach((value, index) => {
    const other = (b[index] ?? 0) - mb
    ab += (value - ma) * other
    aa += (value - ma) ** 2
    bb += other ** 2
  })
  return ab / Math.sqrt(aa * bb)
}

const expectUncorrelated = (a: readonly number[], b: readonly number[]) => {
  const length = Math.min(a.length, b.length)
  const found = correlation(a.slice(0, length), b.slice(0, length))
  expect(Math.abs(found)).toBeLessThan(4.5 / Math.sqrt(length))
}

/** sum (observed - expected)^2 / expected over `bins` bins; its mean is bins - 1 and its variance twice that. */
function chiSquare(values: readonly number[], bins: number): number {
  const counts = new Array<number>(bins).fill(0)
  for (const value of values) {
    const bin = Math.floor(value * bins)
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  const expected = values.length / bins
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe('counterUniform', () => {
  const rows = 256
  const columns = 512
  const dims = [rows, columns]
  const size = rows * columns
  const seeds = [0n, 1n, 2n, 12345n, -7n, 2n ** 62n]

  it.each(seeds)('is uniform in [0, 1) for seed %s', async (seed) => {
    const values = await uniforms(seed, 1, dims)
    const mean = values.reduce((sum, value) => sum + value, 0) / size
    const variance = values.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / size
    expect(Math.min(...values.slice(0, 60_000))).toBeGreaterThanOrEqual(0)
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
    expect(Math.abs(mean - 0.5)).toBeLessThan(4.5 / Math.sqrt(12 * size))
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(4.5 / Math.sqrt(180 * size))
    // 128 bins: 127 with a standard deviation of 16.
    expect(chiSquare(values, 128)).toBeGreaterThan(127 - 4.5 * 16)
    expect(chiSquare(values, 128)).toBeLessThan(127 + 4.5 * 16)
  })

  it('has no correlation between neighbours along an axis', async () => {
    const values = await uniforms(3n, 1, dims)
    for (const lag of [1, 2, 3, columns, 2 * columns, columns + 1])
      expectUncorrelated(values.slice(lag), values)
  })

  it('fills pairs of neighbours evenly', async () => {
    const values = await uniforms(4n, 1, dims)
    const pairs = (lag: number) =>
      values.slice(lag).map((value, index) => (Math.floor((values[index] ?? 0) * 16) + value) / 16)
    // 256 cells: 255 with a standard deviation of 22.6.
    for (const lag of [1, columns]) expect(chiSquare(pairs(lag), 256)).toBeLessThan(255 + 4.5 * 22.6)
  })

  it('has no correlation among the four corners of a rectangle', async () => {
    const values = await uniforms(5n, 1, dims)
    const sign = (row: number, column: number) => ((values[row * columns + column] ?? 0) < 0.5 ? -1 : 1)
    for (const down of [1, 7, 100]) {
      let sum = 0
      let count = 0
      for (let row = 0; row + down < rows; row++) {
        for (let column = 0; column + 1 < columns; column += 2) {
          sum +=
            sign(row, column) *
            sign(row, column + 1) *
            sign(row + down, column) *
            sign(row + down, column + 1)
          count++
        }
      }
      // Rectangles of neighbouring rows share corners, which leaves their products uncorrelated all the same.
      expect(Math.abs(sum)).toBeLessThan(4.5 * Math.sqrt(count))
    }
  })

  it('spreads the sums of rows and of columns as independent numbers do', async () => {
    const values = await uniforms(6n, 1, dims)
    const spread = (outer: number, inner: number, at: (o: number, i: number) => number) => {
      let total = 0
      for (let o = 0; o < outer; o++) {
        let sum = 0
        for (let i = 0; i < inner; i++) sum += (values[at(o, i)] ?? 0) - 0.5
        total += sum ** 2
      }
      return total / outer / (inner / 12)
    }
    const rowSpread = spread(rows, columns, (row, column) => row * columns + column)
    const columnSpread = spread(columns, rows, (column, row) => row * columns + column)
    expect(Math.abs(rowSpread - 1)).toBeLessThan(4.5 * Math.sqrt(2 / rows))
    expect(Math.abs(columnSpread - 1)).toBeLessThan(4.5 * Math.sqrt(2 / columns))
  })

  it('has no correlation between consecutive seeds', async () => {
    const draws = await perSeed([7n, 8n, 9n, 7n + 2n ** 32n], (builder, seed) =>
      counterUniform(builder, seed, 1, dims),
    )
    draws.forEach((draw, index) => {
      for (const other of draws.slice(index + 1)) expectUncorrelated(draw, other)
    })
  })

  it('follows one element through many seeds without correlation', async () => {
    const seedCount = 4000
    const draws = await perSeed(
      Array.from({ length: seedCount }, (_, index) => BigInt(index)),
      (builder, seed) => counterUniform(builder, seed, 1, [2, 3]),
    )
    for (let element = 0; element < 6; element++) {
      const track = draws.map((draw) => draw[element] ?? 0)
      expect(chiSquare(track, 32)).toBeLessThan(31 + 4.5 * Math.sqrt(62))
      expectUncorrelated(track.slice(1), track)
      expectUncorrelated(
        track,
        draws.map((draw) => draw[(element + 1) % 6] ?? 0),
      )
    }
  })

  it('has no correlation between salts', async () => {
    const draws = await Promise.all([0, 1, 2, -1, 2 ** 40].map((salt) => uniforms(10n, salt, dims)))
    draws.forEach((draw, index) => {
      for (const other of draws.slice(index + 1)) expectUncorrelated(draw, other)
    })
  })

  it.each([[[]], [[7]], [[1, 9]], [[9, 1]], [[2, 3, 4]], [[1, 1]], [[2, 3, 1, 5]], [[1, 4096]], [[101]]])(
    'gives dims %j, and no two elements alike',
    async (shape) => {
      const values = await uniforms(11n, 1, shape)
      expect(values).toHaveLength(sizeOf(shape))
      expect(new Set(values).size).toBe(values.length)
    },
  )

  it('gives the same bits in every release', async () => {
    const values = await uniforms(42n, 3, [2, 3])
    expect(values.map((value) => value * 2 ** 24)).toMatchInlineSnapshot(`
      [
        12033837,
        15030365,
        16139576,
        10354905,
        1382673,
        4225474,
      ]
    `)
  })

  it('refuses a seed that is no int64', () => {
    const builder = new GraphBuilder()
    const seed = builder.input('seed', { type: 'float32', dims: [] })
    expect(() => counterUniform(builder, seed, 1, [2])).toThrow(/one int64/)
  })

  it('refuses a salt that is no whole number', () => {
    const builder = new GraphBuilder()
    expect(() => counterUniform(builder, builder.input('seed', seedType), 0.5, [2])).toThrow(/whole number/)
  })
})

describe('dropout', () => {
  const dims = [128, 400]
  const ones: Tensor = float32(dims, new Float32Array(sizeOf(dims)).fill(1))
  const dropped = (ratio: number, seeds: readonly bigint[], salt = 1, shape: readonly number[] = dims) =>
    perSeed(seeds, (builder, seed) =>
      dropout(
        builder,
        builder.constant(shape === dims ? ones : float32(shape, new Float32Array(sizeOf(shape)).fill(1))),
        ratio,
        seed,
        salt,
      ),
    )

  it.each([0.1, 0.25, 0.5, 0.9, 0.001])(
    'drops %d of the elements and scales the others up',
    async (ratio) => {
      const [values = []] = await dropped(ratio, [1n])
      const zeros = values.filter((value) => value === 0).length
      const kept = Math.fround(1 / (1 - ratio))
      expect(values.every((value) => value === 0 || value === kept)).toBe(true)
      const deviation = Math.sqrt(values.length * ratio * (1 - ratio))
      expect(Math.abs(zeros - values.length * ratio)).toBeLessThan(4.5 * deviation)
    },
  )

  it('draws the same mask for the same seed, and another for another', async () => {
    const [first = [], again = [], next = []] = await dropped(0.5, [5n, 5n, 6n])
    const [elsewhere = []] = await dropped(0.5, [5n], 2)
    const [rebuilt = []] = await dropped(0.5, [5n])
    expect(again).toEqual(first)
    expect(rebuilt).toEqual(first)
    expectUncorrelated(first, next)
    expectUncorrelated(first, elsewhere)
  })

  it('keeps in step with the uniform numbers of the same seed and salt', async () => {
    const [mask = []] = await dropped(0.3, [5n], 4)
    const values = await uniforms(5n, 4, dims)
    const unlike = mask.filter((kept, index) => kept > 0 !== (values[index] ?? 0) >= 0.3)
    expect(unlike.length).toBeLessThanOrEqual(1)
  })

  it('hands the gradient through its mask', async () => {
    const builder = new GraphBuilder()
    const seed = builder.input('seed', seedType)
    const x = builder.input('x', { type: 'float64', dims: [4, 5] })
    const y = dropout(builder, x, 0.5, seed, 1)
    const all: Tensor = { type: 'float64', dims: [4, 5], data: new Float64Array(20).fill(1) }
    const [dx] = backward(builder, [{ of: y, gradient: builder.constant(all) }], [x])
    const names = [y, dx ?? x].map((value, index) => builder.output(value, `out${index}`).name)
    const executable = await engine.load(encodeGraph(builder.finish('dropout')))
    const results = await executable.run(
      new Map<string, Tensor>([
        ['seed', int64([], [3])],
        ['x', all],
      ]),
    )
    await executable.dispose()
    const [forward, gradient] = names.map((name) => {
      const tensor = results.get(name)
      return tensor ? toNumbers(tensor) : []
    })
    expect(forward).toContain(0)
    expect(forward).toContain(2)
    expect(gradient).toEqual(forward)
  })

  it('is the input itself with ratio 0', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', { type: 'float32', dims: [2] })
    expect(dropout(builder, x, 0, builder.input('seed', seedType), 1)).toBe(x)
  })

  it.each([1, -0.1, Number.NaN])('refuses ratio %d', (ratio) => {
    const builder = new GraphBuilder()
    const x = builder.input('x', { type: 'float32', dims: [2] })
    expect(() => dropout(builder, x, ratio, builder.input('seed', seedType), 1)).toThrow(/\[0, 1\)/)
  })
})

describe('the Dropout op', () => {
  it('passes no gradient in training mode', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', { type: 'float32', dims: [2] })
    const ratio = builder.constant(float32([], [0.5]))
    const training = builder.constant({ type: 'bool', dims: [], data: Uint8Array.of(1) })
    const y = builder.op('Dropout', [x, ratio, training])
    const seed = { of: y, gradient: builder.constant(float32([2], [1, 1])) }
    expect(() => backward(builder, [seed], [x])).toThrow(/training mode/)
  })
})

it('compares whole numbers as float32 would, rounded to the nearest', () => {
  // Steps of float32 are 1 below 2^24, 128 below 2^31 and 256 above: a tie goes up from an odd multiple.
  for (const threshold of [
    256,
    2 ** 24,
    2 ** 30 + 256,
    2 ** 31 - 256,
    2 ** 31,
    2 ** 31 + 256,
    2 ** 32 - 512,
  ]) {
    const last = lastRoundedTo(threshold)
    for (let bits = threshold - 300; bits < Math.min(threshold + 600, 2 ** 32); bits++)
      expect(bits > last, `${bits}`).toBe(Math.fround(bits) > threshold)
  }
})
