import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { itemAt } from '../../required.ts'
import { fromTridiagonal, shifted, toTridiagonal, tridiagonalise } from './tridiagonal.ts'

/** B B^T of numbers that may repeat or be 0, so that some matrices are diagonal, singular, or of one number. */
const matrices = fc
  .integer({ min: 1, max: 9 })
  .chain((size) =>
    fc
      .array(fc.constantFrom(-2, -1, -0.5, 0, 0, 0, 1, 3), { minLength: size * size, maxLength: size * size })
      .map((values) => ({ size, values })),
  )
  .map(({ size, values }) => {
    const of = (row: number, at: number) => itemAt(values, row * size + at, 'value')
    const matrix = Float64Array.from({ length: size * size }, (_, at) => {
      const [row, column] = [Math.floor(at / size), at % size]
      return Array.from({ length: size }, (__, k) => of(row, k) * of(column, k)).reduce(
        (sum, value) => sum + value,
      )
    })
    return { size, matrix }
  })

const times = (matrix: Float64Array, size: number, x: ArrayLike<number>): number[] =>
  Array.from({ length: size }, (_, row) =>
    Array.from(x).reduce((sum, value, at) => sum + value * itemAt(matrix, row * size + at, 'cell'), 0),
  )

const near = (values: Iterable<number>) => Array.from(values, (value) => expect.closeTo(value, 8))

describe('a tridiagonal form', () => {
  it.each([1e-170, 1e-155, 1e-120, 1e-40])(
    'has numbers where features that are never there left %s',
    async (rest) => {
      const size = 5
      const matrix = Float64Array.from({ length: size * size }, (_, at) => {
        const [row, column] = [Math.floor(at / size), at % size]
        return row < 2 && column < 2 ? (row === column ? 4 : 1) : rest * (row === column ? 2 : 1)
      })
      const { diagonal, beside, factors } = await tridiagonalise(matrix, size)
      for (const value of [...diagonal, ...beside, ...factors]) expect(value).toSatisfy(Number.isFinite)
      expect(shifted({ size, diagonal, beside, reflections: matrix, factors }, 0.1)).toBeDefined()
    },
  )

  it('solves (A + lambda I) x = b', async () => {
    await fc.assert(
      fc.asyncProperty(matrices, fc.constantFrom(0.1, 1, 30), async ({ size, matrix }, lambda) => {
        const b = Float64Array.from({ length: size }, (_, at) => Math.cos(3 * at + 1))
        const form = await tridiagonalise(matrix.slice(), size)
        const x = b.slice()
        toTridiagonal(form, x)
        const solved = shifted(form, lambda)?.solve(x) as Float64Array
        fromTridiagonal(form, solved)
        expect(
          times(matrix, size, solved).map((value, at) => value + lambda * itemAt(solved, at, 'x')),
        ).toEqual(near(b))
      }),
    )
  })

  it('knows the trace of the inverse', async () => {
    await fc.assert(
      fc.asyncProperty(matrices, fc.constantFrom(0.1, 2), async ({ size, matrix }, lambda) => {
        const factored = shifted(await tridiagonalise(matrix.slice(), size), lambda)
        const trace = Array.from({ length: size }, (_, at) => {
          const unit = new Float64Array(size)
          unit[at] = 1
          return itemAt(factored?.solve(unit) ?? [], at, 'element')
        }).reduce((sum, value) => sum + value)
        expect(factored?.inverseTrace()).toBeCloseTo(trace, 8)
      }),
    )
  })

  it('keeps lengths, and leads back', async () => {
    await fc.assert(
      fc.asyncProperty(matrices, async ({ size, matrix }) => {
        const form = await tridiagonalise(matrix.slice(), size)
        const x = Float64Array.from({ length: size }, (_, at) => at - 1.5)
        const moved = x.slice()
        toTridiagonal(form, moved)
        const length = (v: Float64Array) => v.reduce((sum, value) => sum + value * value, 0)
        expect(length(moved)).toBeCloseTo(length(x), 8)
        fromTridiagonal(form, moved)
        expect([...moved]).toEqual(near(x))
      }),
    )
  })

  it('reads nothing above the diagonal', async () => {
    const [full, lower] = [Float64Array.of(2, 1, 1, 3), Float64Array.of(2, Number.NaN, 1, 3)]
    const [a, b] = await Promise.all([full, lower].map((matrix) => tridiagonalise(matrix, 2)))
    expect([a?.diagonal, a?.beside]).toEqual([b?.diagonal, b?.beside])
  })

  it('is not solved where it is not positive definite', async () => {
    const form = await tridiagonalise(Float64Array.of(1, 0, 2, 1), 2)
    expect(shifted(form, 0)).toBeUndefined()
    expect(shifted(form, 2)).toBeDefined()
  })
})
