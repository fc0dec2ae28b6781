import { expect, test } from 'vitest'
import { allOptions, methodEntries, optionRules } from '../methods/registry.ts'
import { methodFlags } from './method-flags.ts'

test('the help of an option says what each method means by it', () => {
  let several = 0
  for (const option of allOptions.keys()) {
    const said = methodFlags[option]?.meta()?.description ?? ''
    const meanings = new Set<string>()
    for (const { name, options } of methodEntries) {
      const meaning = optionRules(options)[option]?.meaning
      if (meaning === undefined) continue
      meanings.add(meaning)
      expect(said.toLowerCase(), option).toContain(meaning.toLowerCase())
      expect(said, option).toMatch(new RegExp(`[(, ]${name.replaceAll('+', '\\+')}[,)]`))
    }
    if (meanings.size > 1) several++
  }
  expect(several).toBeGreaterThan(0)
})
