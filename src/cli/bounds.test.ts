import { describe, expect, test } from 'vitest'
import { UsageError } from '../errors.ts'
import { openVerbs } from './verbs.ts'

const verbs = await openVerbs()

/** Every flag that takes one number, with what its verb needs beside it. */
const numbers = verbs.flatMap((verb) => {
  const needed = verb.facts
    .filter(({ required }) => required)
    .flatMap(({ form, flag }) => (form === 'value' ? [`--${flag}`, 'x'] : [flag === 'action' ? 'list' : 'x']))
  return verb.facts
    .filter(({ hint, form }) => form === 'value' && (hint === 'N' || hint === 'X' || hint === 'ALPHA'))
    .filter(({ flag }) => flag !== 'seed')
    .map(({ flag }) => ({ verb, flag, words: [...needed, `--${flag}`] }))
})

describe('numbers that only a slip of the finger gives', () => {
  test('are looked for in all verbs', () => expect(numbers.length).toBeGreaterThan(60))

  test.each(numbers.map((each) => [`${each.verb.name} --${each.flag}`, each] as const))(
    'are refused with the bounds: %s',
    (_, { verb, flag, words }) => {
      for (const value of ['1e300', '-1e300', 'NaN', 'Infinity']) {
        const error = caught(() => verb.read([...words.slice(0, -1), `--${flag}=${value}`]))
        expect(error).toBeInstanceOf(UsageError)
        expect(String(error)).toContain(`--${flag}: expected a`)
        expect(String(error)).toMatch(/ (from -?[\d.e+]+|above 0) to [\d.e+]+/)
        expect(String(error)).toContain(`found "${value}"`)
      }
    },
  )

  test('have a reason', () => {
    const error = caught(() => verbs[0]?.read(['--threads', '1000']))
    expect(String(error)).toBe(
      'UsageError: --threads: expected a whole number from 1 to 256 (each takes memory, and more than there are cores only wait), found "1000".',
    )
  })

  test.each([
    ['bench', ['split-mnist', '--limit', '99999999999,10']],
    ['bench', ['split-mnist', '--hidden', '400,99999999999']],
    ['learn', ['x.yaml', '--lora', '99999999999']],
    ['learn', ['x.yaml', '--lora', '8:0']],
    ['inspect', ['x', '--size', '99999x99999']],
    ['inspect', ['x', '--dims', 'length=99999999999']],
    ['gate', ['x', 'y', '--max-drop', '150%']],
    ['gate', ['x', 'y', '--confidence', '1']],
    ['keep', ['x', '--max-bytes', '99999999999GB']],
  ])('are refused in grammars of their own: %s %j', (name, words) => {
    const verb = verbs.find((each) => each.name === name)
    expect(String(caught(() => verb?.read(words)))).toMatch(/^UsageError: --[\w-]+: expected .*, found "/)
  })
})

function caught(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}
