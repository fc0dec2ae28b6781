import { expect, it } from 'vitest'
import { points } from './points.ts'

it('writes points with a real minus and no minus zero', () => {
  expect([points(0.1234), points(-0.4012), points(-0.0001), points(1, 0)]).toEqual([
    '12.3',
    '−40.1',
    '0.0',
    '100',
  ])
})
