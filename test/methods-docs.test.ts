import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { methodPages } from '../scripts/methods-table.ts'
import { flagName } from '../src/cli/flags/index.ts'
import { openVerbs } from '../src/cli/verbs.ts'
import { whyBorders } from '../src/methods/borders.ts'
import { createMethod, methodEntries, methodOptions } from '../src/methods/registry.ts'
import { parsePlan, preparePlan } from '../src/train/plan/index.ts'
import { chooseMethod } from '../src/update/recipes/index.ts'
import { bitsOf, runToEnd, toyData, toyOptions, toyStream } from './toy-learning.ts'

const verbs = await openVerbs()

// A method reaches learn, bench, update, configuration, flags and documents by being registered.

it.each([...methodPages()])(
  '%s says of methods what the registry does: scripts/methods-table.ts',
  (page, text) => {
    expect(readFileSync(page, 'utf8') === text, 'node scripts/run.mjs scripts/methods-table.ts').toBe(true)
  },
)

describe.each(methodEntries)('$name', ({ name, past }) => {
  it('has a section in docs/methods.md', () => {
    expect(readFileSync('docs/methods.md', 'utf8')).toContain(`\n## ${name}\n`)
  })

  it('has its options as flags of bench and update', () => {
    for (const verb of verbs.filter((one) => ['bench', 'update'].includes(one.name))) {
      const flags = verb.facts.map(({ flag }) => flag)
      for (const option of Object.keys(methodOptions(name))) expect(flags).toContain(flagName(option))
    }
  })

  it('can be asked for in a configuration, and in an update unless it had to see the past', () => {
    const plan = parsePlan({ stream: { kind: 'split' }, method: { name }, iterations: 1 })
    const data = [{ train: toyData(), test: toyData({ seed: 2 }) }]
    expect(preparePlan(plan, { data }).method.name).toBe(name)
    const facts = { exemplars: true, unlabelled: false, added: false }
    if (past === 'training') expect(() => chooseMethod(name, facts)).toThrow(/trained elsewhere/)
    else expect(chooseMethod(name, facts).name).toBe(name)
  })
})

it('docs/methods.md names the methods that learn streams without borders', () => {
  const able = methodEntries.map(({ name }) => name).filter((name) => !whyBorders(createMethod(name)))
  const [, named = ''] = /([^\n.]*) learn such streams/.exec(readFileSync('docs/methods.md', 'utf8')) ?? []
  expect(new Set(named.split(/, | and /))).toEqual(new Set(able))
})

it('the example of the guide holds weights where the last task left them', async () => {
  const run = async (lambda: number) => {
    const { result } = await runToEnd(
      toyOptions({
        stream: toyStream('domain'),
        method: createMethod('l2-sp', { lambda }),
        learningRate: 0.01,
      }),
    )
    return bitsOf(result.parameters)
  }
  expect(await run(0)).not.toBe(await run(10))
})
