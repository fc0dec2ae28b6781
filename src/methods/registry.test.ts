import { expect, test } from 'vitest'
import { optionRules } from './entry.ts'
import { allOptions, createMethod, methodEntries, methodOptions } from './registry.ts'

test('every registered method is made under its own name', () => {
  for (const { name } of methodEntries) expect(createMethod(name).name).toBe(name)
})

test('options reach the method, and parts of a composition take their own', () => {
  expect(createMethod('ewc', { lambda: 7, fisherSamples: 50, ewcStep: 'proximal' }).settings).toMatchObject({
    lambda: 7,
    samples: 50,
    step: 'proximal',
    online: false,
  })
  const both = createMethod('ewc+replay', { lambda: 7, perClass: 3 })
  expect(both.name).toBe('ewc+replay')
  expect(both.settings).toMatchObject({ ewc: { lambda: 7 }, replay: { perClass: 3 } })
  expect(Object.keys(methodOptions('ewc+replay'))).toContain('perClass')
})

test('an unknown method names the nearest one and all there are', () => {
  expect(() => createMethod('ecw')).toThrow(/no method "ecw".*none, joint, ewc.*Did you mean "ewc"\?/)
  expect(() => createMethod('ewc+replya')).toThrow(/Did you mean "replay"\?/)
  expect(() => createMethod('toString')).toThrow(/no method "toString"/)
})

test('an option of another method, or of the wrong kind, is refused', () => {
  expect(() => createMethod('none', { lambda: 1 })).toThrow(/"none" has no option "lambda"; it has none/)
  expect(() => createMethod('ewc', { lamda: 1 })).toThrow(/Did you mean "lambda"\?/)
  expect(() => createMethod('ewc', { fisher: 'exakt' })).toThrow(
    /expected one of exact, sampled, true, batch/,
  )
  expect(() => createMethod('replay', { perClass: 1.5 })).toThrow(
    /expected a whole number from 1 on, found 1.5/,
  )
})

test('a name may end in +, in compositions too', () => {
  expect(createMethod('der++', { capacity: 7 }).settings).toMatchObject({ capacity: 7 })
  expect(createMethod('der+++ewc').name).toBe('der+++ewc')
  expect(createMethod('ewc+der++').name).toBe('ewc+der++')
  expect(() => createMethod('ewc+')).toThrow(/no method ""/)
})

test('every option says what it is, and an option of one name is of one kind', () => {
  for (const { name, options } of methodEntries) {
    for (const [option, rule] of Object.entries(optionRules(options))) {
      expect(rule.meaning, `${name} ${option}`).not.toBe('')
      expect(allOptions.get(option)?.kind, `${name} ${option}`).toBe(rule.kind)
    }
  }
})

test('a value out of range is refused by what was expected', () => {
  expect(() => createMethod('l2-sp', { lambda: -1 })).toThrow(
    /"lambda".*expected a number from 0 on, found -1/,
  )
})

test('what makes no sense together is refused by name', () => {
  for (const [name, reason] of [
    ['ewc+replay+ewc', 'ewc stands in it twice'],
    ['none+replay', 'none does nothing'],
    ['joint+ewc', 'nothing left for ewc to hold'],
  ] as const) {
    expect(() => createMethod(name), name).toThrow(
      expect.objectContaining({ code: 'compose-refused', message: expect.stringContaining(reason) }),
    )
  }
  expect(createMethod('joint+sam').name).toBe('joint+sam')
})
