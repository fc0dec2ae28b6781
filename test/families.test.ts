import { describe, expect, it } from 'vitest'
import { type Expected, families, learningRate, numbersOf, readFamily, steps, train } from './families.ts'

/**
 * Gradients this small beside the model's largest are rounding: where an attention's keys are all shifted by the same
 * nothing changes, so their bias has gradient 0, and float32 finds some 1e-9. Adam divides by the gradient's own size and
 * makes steps of it, other ones in every program.
 */
const FLOOR = 1e-6

const norm = (values: Iterable<number>): number => Math.hypot(...values)

const minus = (a: ArrayLike<number>, b: ArrayLike<number>): number[] =>
  Array.from(a, (value, at) => value - (b[at] ?? Number.NaN))

const largest = (expected: ReadonlyMap<string, Expected>): number =>
  Math.max(...Array.from(expected.values(), ({ gradient }) => Math.max(...gradient.map(Math.abs))))

describe.each(families)('$name', (family) => {
  it('has the loss, the gradients and the three steps of Adam that PyTorch has', async () => {
    const fixture = readFamily(family)
    const { model, expected } = fixture
    expect([...model.parameters.keys()].sort()).toEqual([...expected.keys()].sort())
    const found = await train(family, fixture)
    expect(Math.abs(found.loss / family.expectedLoss - 1), 'loss').toBeLessThan(1e-5)

    const top = largest(expected)
    const whole = norm(Array.from(expected.values(), ({ gradient }) => norm(gradient)))
    let astray = 0
    for (const [name, { gradient, change }] of expected) {
      const off = minus(numbersOf(found.gradients, name), gradient)
      expect(off.length, name).toBe(gradient.length)
      const allowed = 1e-3 * norm(gradient) + FLOOR * whole
      expect(norm(off), `gradient of ${name}`).toBeLessThan(allowed)

      const before = numbersOf(model.parameters, name)
      const errors = minus(minus(numbersOf(found.parameters, name), before), change)
      const isRounding = (at: number): boolean => Math.abs(gradient[at] ?? 0) < FLOOR * top
      const told = norm(errors.filter((_, at) => !isRounding(at)))
      expect(told, `parameter ${name} after the steps`).toBeLessThan(1e-3 * norm(before))
      expect(told, `change of ${name}`).toBeLessThan(1e-2 * norm(change) + 1e-9)
      const others = errors.filter((_, at) => isRounding(at)).map(Math.abs)
      expect(Math.max(0, ...others), name).toBeLessThan(1.01 * steps * learningRate)
      astray += others.filter((error) => error > 1e-3 * learningRate).length
    }
    expect(astray / family.parameters).toBeLessThan(0.03)
  })
})
