import { expect, it } from 'vitest'
import { z } from 'zod'
import { augmentFlag } from './shared-flags.ts'

const flag = z.object(augmentFlag)

it('--augment takes a list of augmentations, or none', () => {
  expect(flag.parse({ augment: 'flip,crop:2' })).toEqual({ augment: ['flip', 'crop:2'] })
  expect(flag.parse({ augment: 'none' })).toEqual({ augment: ['none'] })
  expect(flag.parse({})).toEqual({})
})

it.each([
  [
    'flip,color:0.3',
    'expected augmentations such as flip,crop:4, found "flip,color:0.3". There is no "color" among flip, crop, colour, cutout, mixup, cutmix. Did you mean "colour"?',
  ],
  [
    'crop:0',
    'The number behind crop is how many pixels a row is shifted at most, each way, a whole number from 1 on, and 0 was found.',
  ],
  ['', 'There is no ""'],
])('--augment %j is refused with what is wrong', (augment, problem) => {
  expect(flag.safeParse({ augment }).error?.issues[0]?.message).toContain(problem)
})
