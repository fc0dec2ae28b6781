import { expect, test } from 'vitest'
import { syntheticDigits } from '../data/catalogue/index.ts'
import { itemAt } from '../required.ts'
import { quickstartParts } from '../study/protocols/index.ts'
import { runPart } from './quickstart-parts.ts'
import { closingLines, partLines } from './quickstart-text.ts'

test('a method that diverges is a row that says so, and the others go on', async () => {
  const limit = { train: 300, test: 100 }
  const part = itemAt(quickstartParts({ source: 'synthetic', limit }), 1, 'part')
  const plans = part.plans
    .filter(({ method }) => method.name !== 'lwf')
    .map((plan) => (plan.method.name === 'ewc' ? { ...plan, learningRate: 1e6, batchSize: 8 } : plan))
  const warned: string[] = []
  const screen = {
    live: false,
    colour: false,
    width: 100,
    say: () => {},
    warn: (line: string) => warned.push(line),
    stage: () => {},
    draw: () => {},
    progress: () => {},
  }
  const shown = await runPart(
    { threads: 1, device: undefined },
    { screen, signal: new AbortController().signal },
    { ...part, plans },
    { inputs: { data: [syntheticDigits(limit)] }, above: [], jobs: 1, workers: undefined },
  )
  expect(shown?.failures.map(({ plan, error }) => [plan.method.name, error.code])).toEqual([
    ['ewc', 'diverged'],
  ])
  expect(shown?.bench.results.map(({ method }) => method)).toEqual(['none', 'replay', 'joint'])
  expect(warned).toEqual([
    expect.stringMatching(/^warning: MLP 784-100-100-10, ten outputs, ewc: .*step \d+/),
  ])
  const lines = partLines('', shown?.rows ?? [], { width: 100 })
  expect(lines.find((line) => line.startsWith('EWC'))).toMatch(/·\s+·\s+·\s+diverged$/)
  expect(lines.find((line) => line.startsWith('Fine-tuning'))).toMatch(/\d\.\d +\d+\.\d +\d+\.\d$/)
  // What is said of EWC needs its result.
  expect(closingLines(shown ? [shown.bench] : [])).toEqual([])
})
