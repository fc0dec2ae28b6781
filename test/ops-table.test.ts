import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { OPS_PAGE, opsPage } from '../scripts/ops-table.ts'
import { opTable } from '../src/ops/table.ts'

it('docs/ops.md is what the table of ops says', () => {
  const found = readFileSync(OPS_PAGE, 'utf8')
  expect(
    found === opsPage,
    `${OPS_PAGE} is stale. Write it anew: node scripts/run.mjs scripts/ops-table.ts`,
  ).toBe(true)
})

it('docs/ops.md has a row for every op', () => {
  const listed = [...readFileSync(OPS_PAGE, 'utf8').matchAll(/^\| (\w+) \| (?:yes|no) \|/gm)].map(
    ([, op]) => op,
  )
  expect(listed).toEqual([...opTable.keys()].sort())
})
