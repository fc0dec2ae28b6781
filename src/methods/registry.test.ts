import { expect, test } from 'vitest'
import { createMethod, methodEntries, methodOptions } from './registry.ts'

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
  expect(() => createMethod('replay', { perClass: 1.5 })).toThrow(/expected a whole number, found 1.5/)
})
