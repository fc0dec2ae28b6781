import { describe, expect, it } from 'vitest'
import { liveTable, moveUp, progressLine } from './terminal.ts'

const rows = [
  { method: 'none', accuracies: [0.02, 0.984, null] },
  { method: 'ewc+replay', accuracies: [0.91, 0.9, null], status: 'task 3' },
  { method: 'joint', accuracies: [null, null, null] },
]
const tasks = ['digits 0-3', 'digits 4-6', 'digits 7-9']
const escapeSign = '\u001b'

describe('the live table', () => {
  it('shows each task, the average of what was measured, and what is going on', () => {
    expect(`\n${liveTable(rows, tasks).join('\n')}\n`).toMatchInlineSnapshot(`
      "
      Method           0-3   4-6   7-9   average
      Fine-tuning      2.0  98.4     ·      50.2
      EWC + replay    91.0  90.0     ·      90.5  task 3
      Joint training     ·     ·     ·         ·
      "
    `)
  })
  it('says the same with colours as without', () => {
    const painted = liveTable(rows, tasks, { colour: true })
    expect(painted.join('')).toContain(escapeSign)
    const bare = painted.map((line) => line.replaceAll(new RegExp(`${escapeSign}\\[\\d+m`, 'g'), ''))
    expect(bare).toEqual(liveTable(rows, tasks))
  })
  it('folds the middle tasks where the terminal is narrow', () => {
    const many = Array.from({ length: 20 }, (_, n) => `t${n + 1}`)
    const lines = liveTable([{ method: 'lwf', accuracies: many.map(() => 0.5) }], many, { width: 60 })
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60)
    expect(lines[0]).toMatch(/t1 .*… {2,}t\d+.* t20 /)
  })
})

describe('progress', () => {
  it('is words, rate and time left where there is no terminal', () =>
    expect(progressLine({ label: 'EWC', done: 500, total: 2000, rate: 250 })).toBe(
      'EWC: 500 of 2,000 steps (25 %), 250 steps/s, 6.0 s left',
    ))
  it('leaves rate and time out while they are not known, and time when done', () => {
    expect(progressLine({ done: 0, total: 10 })).toBe('0 of 10 steps (0 %)')
    expect(progressLine({ done: 0, total: 0, rate: 0 })).toBe('0 of 0 steps (0 %)')
    expect(progressLine({ done: 10, total: 10, rate: 3.25, unit: 'images' })).toBe(
      '10 of 10 images (100 %), 3.3 images/s',
    )
  })
  it('is a bar that fits on a terminal', () => {
    const line = progressLine({ label: 'LwF', done: 1, total: 2, rate: 20 }, { bar: true, width: 50 })
    expect(line).toBe('LwF ███████░░░░░░  50 % · 20 steps/s · 50 ms left')
    expect(line.length).toBeLessThanOrEqual(50)
    expect(progressLine({ done: 1999, total: 2000 }, { bar: true })).toContain('99 %')
  })
})

it('goes back over what was drawn', () => {
  expect(moveUp(3)).toBe(`${escapeSign}[3A\r${escapeSign}[0J`)
  expect(moveUp(0)).toBe('')
})
