import { describe, expect, it } from 'vitest'
import { augmentSchema, augmentText, parseAugment } from './spec.ts'

describe('a list of augmentations', () => {
  it('is names, numbers behind a colon, or pairs as YAML has them', () => {
    expect(parseAugment(['flip', 'crop:2', { cutout: 16 }, ' mixup : 0.4 '])).toEqual({
      flip: 0.5,
      crop: 2,
      cutout: 16,
      mixup: 0.4,
    })
    expect(parseAugment(['flip', 'crop', 'colour', 'cutout', 'mixup', 'cutmix'])).toEqual({
      flip: 0.5,
      crop: 4,
      colour: 0.2,
      cutout: 8,
      mixup: 0.2,
      cutmix: 1,
    })
    expect(parseAugment(['none'])).toEqual({})
    expect(parseAugment([])).toEqual({})
  })

  it('is written with every number', () => {
    expect(augmentText(parseAugment(['crop', 'flip']))).toBe('flip:0.5,crop:4')
    expect(augmentText({})).toBe('none')
    expect(parseAugment(augmentText({ cutout: 3, mixup: 1 }).split(','))).toEqual({ cutout: 3, mixup: 1 })
  })

  it.each([
    [
      ['color:0.2'],
      'there is no "color" among flip, crop, colour, cutout, mixup, cutmix. Did you mean "colour"?',
    ],
    [['flip', { flip: 1 }], 'flip stands twice.'],
    [
      ['flip:2'],
      'the number behind flip is the chance that a row is flipped left to right, a number above 0 and up to 1, and 2 was found.',
    ],
    [['crop:1.5'], 'a whole number from 1 on, and 1.5 was found.'],
    [['crop:'], 'and none was found.'],
    [['cutout:four'], 'and none was found.'],
    [['mixup:0'], 'a number from 0.001 to 1,000,000, and 0 was found.'],
    [['flip', 'none'], 'there is no "none"'],
  ])('refuses %j', (list, problem) => {
    expect(() => parseAugment(list)).toThrow(
      expect.objectContaining({ code: 'augment', message: expect.stringContaining(problem) }),
    )
    const found = augmentSchema.safeParse(list)
    expect(found.error?.issues[0]?.message).toContain(problem)
  })

  it('stays as it is written in a configuration', () => {
    expect(augmentSchema.parse(['flip', { crop: 4 }])).toEqual(['flip', { crop: 4 }])
  })
})
