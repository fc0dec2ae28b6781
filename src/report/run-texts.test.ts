import { describe, expect, it } from 'vitest'
import { demoBench } from '../../test/demo-bench.ts'
import type { RunResult } from '../measure/results.ts'
import { itemAt } from '../required.ts'
import { reportMarkdown } from './markdown.ts'
import { reportHtml } from './page.ts'
import { runTextsLines } from './run-texts.ts'

const rates = (bitsPerByte: number | null, perplexity = 9) => ({ bitsPerByte, perplexity })
const texts = {
  initial: [rates(4), rates(5)],
  matrix: [
    [rates(2), rates(4.5)],
    [rates(3), rates(1, 1.25)],
  ],
}

describe('what texts cost a run', () => {
  it('is shown before, once learned and at the end', () => {
    expect(runTextsLines({ texts }, ['old', 'new'])).toEqual([
      'Bits per byte (perplexity) of each task’s test part',
      '',
      'Task         before   once learned  at the end',
      'old   4.0000 (9.00)  2.0000 (9.00)  3.0000 (9.00)',
      'new   5.0000 (9.00)  1.0000 (1.25)  1.0000 (1.25)',
    ])
    expect(runTextsLines({}, ['old', 'new'])).toEqual([])
  })

  it('is a perplexity alone where no document says its bytes, and says why', () => {
    const bare = { initial: [rates(null)], matrix: [[rates(null, 2)]] }
    expect(runTextsLines({ texts: bare }, ['old'])).toEqual([
      'Perplexity of each task’s test part',
      '',
      'Task  before  at the end',
      'old     9.00  2.00',
      '',
      expect.stringContaining('need documents'),
    ])
  })

  it('is a matrix in reports, the mean of the seeds', () => {
    const bench = demoBench({ scenarios: ['domain'], seeds: 2 })
    const tasks = ['old', 'new']
    const of = (run: RunResult, more: number): RunResult => ({
      ...run,
      ...{
        matrix: [
          [0.5, 0.1],
          [0.4, 0.5],
        ],
        initial: [0, 0],
        curve: [],
      },
      texts: { ...texts, initial: [rates(4 + more), rates(5)] },
    })
    const [one, two] = [itemAt(bench.results, 0, 'run'), itemAt(bench.results, 1, 'run')]
    const found = { ...bench, tasks, results: [of(one, 0), of({ ...one, seed: two.seed + 10 }, 1)] }
    const table = reportMarkdown(found).split('\n')
    expect(table).toContain('| After learning | old | new |')
    expect(table).toContain('| nothing | 4.5000 (9.00) | 5.0000 (9.00) |')
    expect(table).toContain('| new | 3.0000 (9.00) | 1.0000 (1.25) |')
    expect(reportHtml(found)).toContain('<td>4.5000 (9.00)</td>')
    expect(reportHtml(bench)).not.toContain('What texts cost')
  })

  it('names rows as the matrix of accuracies does, be it a stream without borders or joint training', () => {
    const tasks = ['old', 'new']
    const bench = demoBench({ scenarios: ['domain'], seeds: 1, tasks, methods: ['none'] })
    const rowsOf = (more: Partial<RunResult>) => {
      const run = { ...itemAt(bench.results, 0, 'run'), ...more }
      const once = { matrix: [[0.4, 0.5]], curve: [], texts: { ...texts, matrix: texts.matrix.slice(1) } }
      const page = reportHtml({ ...bench, results: [{ ...run, ...once }] })
      return ['the end', 'everything'].map((name) => page.split(`<th scope="row">${name}</th>`).length - 1)
    }
    expect(rowsOf({ anytimeAccuracy: 0.5 })).toEqual([2, 0])
    expect(rowsOf({})).toEqual([0, 2])
  })
})
