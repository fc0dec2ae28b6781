import { expect, test } from 'vitest'
import { studentCdf, studentQuantile } from './student.ts'

// Tables of Abramowitz and Stegun, 26.10.
test.each([
  [0.95, 1, 6.314],
  [0.95, 4, 2.132],
  [0.975, 10, 2.228],
  [0.999, 30, 3.385],
  [0.95, 120, 1.658],
])('the %f quantile with %d degrees of freedom is %f', (p, df, t) => {
  expect(studentQuantile(p, df)).toBeCloseTo(t, 3)
  expect(studentQuantile(1 - p, df)).toBeCloseTo(-t, 3)
})

test('with one degree of freedom it is the arc tangent, between whole numbers of them it lies between', () => {
  for (const t of [-30, -2, -0.1, 0, 0.5, 7]) {
    expect(studentCdf(t, 1)).toBeCloseTo(0.5 + Math.atan(t) / Math.PI, 12)
  }
  const [two, between, three] = [2, 2.5, 3].map((df) => studentQuantile(0.95, df))
  expect(between).toBeLessThan(two ?? 0)
  expect(between).toBeGreaterThan(three ?? 0)
})
